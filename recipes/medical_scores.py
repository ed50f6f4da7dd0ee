"""What is measured of a model that was fine-tuned on phantoms: findings, places, summaries, and if it still thinks.

The notebook ``04_finetuning/04_medical`` writes most of this out; ``tests/test_medical.py`` holds the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from helpers import grading, vision, vision_tasks
from helpers.finetune import evaluate
from helpers.finetune.data import phantom_examples
from helpers.finetune.formats import IMAGE, Example
from helpers.stats import accuracy
from helpers.worlds import phantoms

#: What a conversation about a slice asks, in this order. Labels are ranked, so no list of answers is needed.
QUESTIONS = {
    "finding": "Which abnormality is shown?",
    "side": "On which side of the patient is it?",
    "region": "In which region is it?",
}
FACTS = ("Finding", "Side", "Region", "Density")  # of a summary; that the modality is CT says nothing
SUMMARY_TOKENS, THOUGHT_TOKENS = 60, 160


def pictures(split: str, n: int, seed: int = 0) -> list[Example]:
    """Slices of ``n`` patients, one each, findings in equal shares, with the request for a summary and the true one."""
    return phantom_examples(split, n, seed, task="summary")


def talk(example: Example, about: str, said: Sequence[str] = ()) -> Example:
    """The conversation about a picture up to the question ``about``, whose true answer is its last turn and its label.

    ``said`` are answers to the first questions, in place of the true ones. (Where there is no lesion, nothing but the
    finding can be asked.)
    """
    names = list(QUESTIONS)[: list(QUESTIONS).index(about) + 1]
    true = example.meta | {"finding": example.label}
    answers = [*said, *(true[name] for name in names[len(said) :])]
    turns = [(QUESTIONS[name], answer) for name, answer in zip(names, answers)]
    messages = [{"role": role, "content": text} for turn in turns for role, text in zip(("user", "assistant"), turn)]
    messages[0] = {"role": "user", "content": IMAGE + messages[0]["content"]}
    return replace(example, messages=messages, label=true[about])


def lesions(examples: Sequence[Example]) -> list[Example]:
    """Those whose place can be asked for."""
    return [example for example in examples if example.meta["side"]]


def facts(summary: str) -> dict[str, str]:
    """What a summary says: "Side: left. Region: frontal lobe." → {"Side": "left", "Region": "frontal lobe"}."""
    parts = (part.partition(": ") for part in summary.strip().removesuffix(".").split(". "))
    return {name: value for name, colon, value in parts if colon}


def facts_right(texts: Sequence[str], examples: Sequence[Example]) -> dict[str, list[bool]]:
    """For each fact, of the examples whose true summary has it, whether the text says it, word for word."""
    right: dict[str, list[bool]] = {name: [] for name in FACTS}
    for text, example in zip(texts, examples, strict=True):
        said, true = facts(text), facts(example.messages[-1]["content"])
        for name in FACTS:
            if name in true:
                right[name].append(said.get(name) == true[name])
    return right


def split_thought(text: str) -> tuple[str, str]:
    """A reply that began inside ``<think>``: the thought and the answer, which is empty if the thought never ended."""
    thought, _, answer = text.partition("</think>")
    return thought.strip(), answer.strip()


def thinking(model, processor, examples: Sequence[Example]) -> dict:
    """The finding, asked so that the template opens a thought: is there one, and what comes of it?"""
    texts = evaluate.answers(model, processor, examples, THOUGHT_TOKENS, thinking=True)
    answers = [split_thought(text)[1] for text in texts]
    report = evaluate.score(answers, examples, phantoms.FINDINGS)
    return _thought(texts) | {"right": list(report.accuracy), "macro_f1": list(report.macro_f1)}


def old_task(model, processor, n: int) -> dict:
    """Chapter 3's questions about scenes, asked in the same way: what became of thinking where it was learned.

    "correct" has a digit for each scene, so that runs can be paired.
    """
    items = vision_tasks.items("vqa", n=n)
    shown, prompts = [vision_tasks.pictures(item) for item in items], [vision_tasks.prompt(item) for item in items]
    texts = vision.ask(model, processor, shown, prompts, max_new_tokens=THOUGHT_TOKENS, thinking=True)
    right = [grading.grade(item, split_thought(text)[1]).outcome == "correct" for item, text in zip(items, texts)]
    correct = "".join(str(int(is_right)) for is_right in right)
    return _thought(texts) | {"right": list(accuracy(right)), "correct": correct}


def _thought(texts: Sequence[str]) -> dict:
    """The share of replies with a thought that is not empty and comes to an end, and one reply as it was written."""
    thoughts, answers = zip(*map(split_thought, texts))
    kept = [bool(thought and answer) for thought, answer in zip(thoughts, answers)]
    words = [len(thought.split()) for thought in thoughts]
    return {"examples": len(kept), "thinks": list(accuracy(kept)), "words": sum(words) / len(words),
            "first": texts[0]}  # fmt: skip


def all_scores(model, processor, n_train: int, n: int) -> dict:
    """Everything about one model on ``n`` held-out patients, as JSON has it; the probe learns from as many pictures
    as the model did."""
    train = [talk(e, "finding") for e in pictures("train", n_train)]
    held_out, novel = pictures("heldout", n), pictures("novel", n)
    asked = [talk(e, "finding") for e in held_out]
    labels = phantoms.FINDINGS
    told = lambda some: evaluate.score(evaluate.choose(model, processor, some, labels), some, labels)  # noqa: E731
    finding = told(asked)
    baselines = {"blank pictures": told(evaluate.blank(asked)), "text only": told(evaluate.text_only(asked)),
                 "majority": evaluate.majority(train, asked, labels),
                 "raw pixels": evaluate.pixel_probe(train, asked, labels)}  # fmt: skip
    scores = {"finding": finding.summary(), "reliability": finding.reliability(),
              "novel": told([talk(e, "finding") for e in novel]).summary()}  # fmt: skip
    scores |= {name: {"macro_f1": list(r.macro_f1), "accuracy": list(r.accuracy)} for name, r in baselines.items()}
    scores["ahead"] = {name: list(evaluate.difference(finding, report)) for name, report in baselines.items()}
    scores |= {name: report.summary() for name, report in places(model, processor, lesions(held_out)).items()}
    texts = evaluate.answers(model, processor, held_out, SUMMARY_TOKENS)
    return scores | {"summary": {name: list(accuracy(right)) for name, right in facts_right(texts, held_out).items()}}


def places(model, processor, examples: Sequence[Example]) -> dict[str, evaluate.Report]:
    """Side and region of lesions, asked in conversations in which the model has given the earlier answers itself."""
    said: list[list[str]] = [[] for _ in examples]
    reports = {}
    for about in QUESTIONS:
        labels = phantoms.ANSWERS[about]
        asked = [talk(example, about, answers) for example, answers in zip(examples, said)]
        reports[about] = evaluate.score(evaluate.choose(model, processor, asked, labels), asked, labels)
        for answers, number in zip(said, reports[about].predicted):
            answers.append(labels[number])
    return {about: reports[about] for about in ("side", "region")}
