"""Every word of every puzzle, in small letters: what a tokenizer needs whole, and a model has to have read."""

from __future__ import annotations

_WORDS = """
    a above ada add adds after always and answer ants apples april are artists as at attic august b bag baker bakers
    ball basket be before below ben birds black blue boat boats book books both box boxed brown buys by c came can
    cannot cara card cards cats chest clouds club coin coins come compare cook cooks count counts cup d dan dance
    dancer dancers december def do doctor does dogs driver ducks e each eagles eggs elephants end engines eva even
    every f fact facts farmer faster fastest february finds finn first for function g garage garden gardener given
    go goes green grey gus h hall hana has hat have here holds home honest how if in is it ivo january jar joy july
    june k keep keeps key kim kitchen know lamp larger largest last least len leo letter letters liar liars lie lies
    like likes line lines loses m many map march max may meet men mia mice milk min monkeys moon multiplies multiply
    n near neighbours nets night no noon noor not november now numbers nurses o october of office older oldest omar
    on one or orange oranges otters owls p painter painters pen pens people person pia pigs pilots pink play r
    rabbits reader red rest result return ring river robins room rule run runner runners s sailor sailors says sea
    sells september sheep shells shop shorter shortest sing singer singers sleep slower slowest smaller smallest so
    some spell square squares start step stones subtract subtracts sum swap swaps swim t take takes taller tallest
    tea teacher teachers tell tells than that the them then these they this tigers times tin to today trains trunk
    truth under use w wait we wear wears well what which white who with word words work write writer x xs yellow yes
    younger youngest
"""
VOCABULARY = tuple(_WORDS.split())
