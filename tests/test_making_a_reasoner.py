"""What chapter 2's last notebook writes out: its label mask against the recipe's, GRPO against the paper's formulas."""

from __future__ import annotations

import math
import random
import statistics

import pytest
import torch
from page import define

from helpers import grading
from helpers.profiles import root
from helpers.worlds import puzzles
from recipes import r1, r1_data

NOTEBOOK = root() / "notebooks" / "02_reasoning" / "05_making_a_reasoner.ipynb"
FUNCTIONS = {"prompt_of", "write", "verify", "encode", "collate", "advantages", "attempt", "log_probs", "grpo_loss",
             "one_round"}  # fmt: skip
CONSTANTS = {"IGNORED", "GREEDY", "SAMPLED", "END"}


@pytest.fixture(scope="module")
def page():
    """The notebook's functions and constants by name, over a tiny random model."""
    tokenizer = r1_data.build_tokenizer()
    torch.manual_seed(0)
    base = r1.Qwen2ForCausalLM(r1.build_config("r1-s", tokenizer)).eval()
    names = {"tokenizer": tokenizer, "base": base, "torch": torch, "grading": grading, "group_size": 4}
    return define(NOTEBOOK, FUNCTIONS | CONSTANTS, names)


@pytest.fixture(scope="module")
def drawn():
    return list(puzzles.puzzles("heldout", "arithmetic", 12))


def as_example(page, puzzle, think):
    """The notebook's example of a puzzle's own solution."""
    target = puzzles.target(puzzle, think).removeprefix("<think>\n") if think else puzzle.answer
    return page["encode"](page["prompt_of"](puzzle, think), page["tokenizer"](target).input_ids + [page["END"]])


@pytest.mark.parametrize("think", [True, False])
def test_the_label_mask_is_the_recipes(page, drawn, think, monkeypatch):
    batch = page["collate"]([as_example(page, puzzle, think) for puzzle in drawn])
    examples = []
    for puzzle in drawn:
        ids, prompt = r1_data.example(puzzle, think, page["tokenizer"])
        examples.append((ids, [r1_data.IGNORED] * prompt + ids[prompt:]))
    monkeypatch.setattr(r1_data, "_pool", lambda index, tokenizer, unexplained: [examples] * r1_data.POOL)
    expected = r1_data.make_batch(page["tokenizer"], r1_data.DRILLS)
    assert torch.equal(batch["input_ids"], expected["input_ids"])
    assert torch.equal(batch["labels"], expected["labels"])


@pytest.mark.parametrize("think", [True, False])
def test_the_loss_is_the_recipes(page, drawn, think):
    batch = page["collate"]([as_example(page, puzzle, think) for puzzle in drawn])
    with torch.no_grad():
        expected = r1.loss(page["base"], batch)["lm"]
        torch.testing.assert_close(page["base"](**batch).loss, expected, rtol=1e-4, atol=1e-4)
        chosen, counted = page["log_probs"](page["base"], batch)
    torch.testing.assert_close(-chosen[counted].mean(), expected, rtol=1e-4, atol=1e-4)


def test_a_batch_writes_what_one_writes_alone(page, drawn):
    prompts = [page["prompt_of"](puzzle, True) for puzzle in drawn[:4]]
    assert len({len(page["tokenizer"](prompt).input_ids) for prompt in prompts}) > 1, "nothing was padded"
    together = page["write"](page["base"], prompts, **page["GREEDY"])
    assert together == [page["write"](page["base"], [prompt], **page["GREEDY"])[0] for prompt in prompts]


def test_verify_reads_the_answer_and_not_the_reasoning(page, drawn):
    puzzle = drawn[0]
    wrong = int(puzzle.reference) + 1
    texts = {
        puzzles.target(puzzle, True): 1.0,
        f"{puzzle.trace}\n</think>\n\n\\boxed{{{wrong}}}": 0.0,
        f"{wrong}\n</think>\n\n{puzzle.answer}": 1.0,
        f"{puzzle.trace} {puzzle.answer}": 0.0,  # it never stopped thinking
        "": 0.0,
    }
    for text, reward in texts.items():
        assert page["verify"](puzzle, page["tokenizer"](text).input_ids, think=True) == reward, text
    assert page["verify"](puzzle, page["tokenizer"](puzzle.answer).input_ids, think=False) == 1.0


def test_advantages_are_standard_scores_within_the_group(page):
    rewards = [[1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0], [1.0] * 4, [0.0] * 4]
    found = page["advantages"](torch.tensor(rewards)).tolist()
    for row, group in zip(found, rewards):
        spread = statistics.stdev(group) + 1e-4
        assert row == pytest.approx([(r - statistics.mean(group)) / spread for r in group], abs=1e-4)


def by_hand(new, old, advantage, counted, epsilon):
    """The objective of the DeepSeekMath paper without its KL term, in plain Python, token by token."""
    total = 0.0
    for row in range(len(new)):
        gains = []
        for n, o, count in zip(new[row], old[row], counted[row]):
            if count:
                ratio, a = math.exp(n - o), advantage[row]
                gains.append(min(ratio * a, min(max(ratio, 1 - epsilon), 1 + epsilon) * a))
        total += sum(gains) / len(gains)
    return -total / len(new)


@pytest.mark.parametrize("seed", range(5))
def test_the_loss_is_the_papers(page, seed):
    rng = random.Random(seed)
    old = [[rng.uniform(-3, 0) for _ in range(6)] for _ in range(4)]
    new = [[o + rng.uniform(-0.6, 0.6) for o in row] for row in old]
    advantage = [rng.uniform(-2, 2) for _ in range(4)]
    counted = [[True] * (i + 2) + [False] * (4 - i) for i in range(4)]
    found = page["grpo_loss"](torch.tensor(new), torch.tensor(old), torch.tensor(advantage), torch.tensor(counted))
    assert found.item() == pytest.approx(by_hand(new, old, advantage, counted, 0.2), rel=1e-5)


@pytest.mark.parametrize("advantage, ratio, flat", [(1, 1.3, True), (1, 0.7, False), (-1, 0.7, True), (-1, 1.3, False)])
def test_clipping_stops_the_gradient_only_where_the_push_went_far_enough(page, advantage, ratio, flat):
    new = torch.full((1, 1), math.log(ratio), requires_grad=True)
    page["grpo_loss"](new, torch.zeros(1, 1), torch.tensor([float(advantage)]), torch.ones(1, 1)).backward()
    assert (new.grad.abs().item() == 0) == flat


def test_at_the_first_update_the_gradient_is_the_policy_gradient(page, drawn):
    """Where nothing has moved yet, GRPO's gradient is that of advantage times log-likelihood (per token)."""
    model = page["base"]
    batch = page["collate"]([as_example(page, puzzle, True) for puzzle in drawn[:4]])
    advantage = torch.tensor([1.5, -0.5, -0.5, -0.5])
    new, counted = page["log_probs"](model, batch)
    page["grpo_loss"](new, new.detach(), advantage, counted).backward()
    found = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    model.zero_grad()
    new, counted = page["log_probs"](model, batch)
    (-(advantage * (new * counted).sum(1) / counted.sum(1)).mean()).backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad, rtol=1e-4, atol=1e-6)
    model.zero_grad()


def test_attempts_are_grouped_by_problem(page, drawn, monkeypatch):
    """Row i of the rewards is about problem i; examples come in the same order."""
    solved = drawn[1]
    answers = {page["prompt_of"](solved, True): puzzles.target(solved, True).removeprefix("<think>\n")}
    monkeypatch.setitem(
        page, "write",
        lambda model, prompts, **how: [page["tokenizer"](answers.get(p, "no idea")).input_ids for p in prompts],
    )  # fmt: skip
    examples, rewards = page["attempt"](None, drawn[:3], 2)
    assert rewards.tolist() == [[0, 0], [1, 1], [0, 0]]
    prompts = [page["tokenizer"](page["prompt_of"](puzzle, True)).input_ids for puzzle in drawn[:3] for _ in range(2)]
    assert [ids[: len(prompt)] for (ids, _), prompt in zip(examples, prompts)] == prompts


def test_a_round_makes_the_rewarded_attempt_more_probable(page, drawn, monkeypatch):
    """Two attempts at one problem, one rewarded; a second problem where both failed changes nothing."""
    model = r1.Qwen2ForCausalLM(page["base"].config).eval()
    examples = [as_example(page, puzzle, True) for puzzle in drawn[:4]]
    monkeypatch.setitem(page, "attempt", lambda model, some: (examples, torch.tensor([[1.0, 0.0], [0.0, 0.0]])))

    def likelihoods():
        with torch.no_grad():
            new, counted = page["log_probs"](model, page["collate"](examples[:2]))
        return ((new * counted).sum(1) / counted.sum(1)).tolist()

    good, bad = likelihoods()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    assert page["one_round"](model, optimizer, drawn[:2]) == 0.25
    better, worse = likelihoods()
    assert better > good and worse < bad

    weights = [parameter.clone() for parameter in model.parameters()]
    monkeypatch.setitem(page, "attempt", lambda model, some: (examples, torch.zeros(2, 2)))
    assert page["one_round"](model, optimizer, drawn[:2]) == 0.0
    assert all(torch.equal(a, b) for a, b in zip(weights, model.parameters()))


def test_attempts_are_drawn_from_the_distribution_that_is_trained(page):
    """No temperature, no truncation: else the ratio of the loss is about another model than the one that wrote."""
    assert page["SAMPLED"] == {"do_sample": True, "temperature": 1.0, "top_p": 1.0, "top_k": 0}
