"""The sides of a comparison: serving profiles of one target that differ in their speculation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from agentrt.errors import UserError
from agentrt.serving import Profile, load_profile

# Copies of what the prompt already holds, with no model to draft: the cheapest speculation.
_NGRAM = {
    "method": "ngram",
    "num_speculative_tokens": 6,
    "prompt_lookup_max": 4,
    "prompt_lookup_min": 2,
}


@dataclass(frozen=True)
class Side:
    """A profile and the short name that the comparison gives it."""

    label: str
    profile: Profile


def in_turn(labels: Sequence[str], turn: int) -> list[str]:
    """The order of a round; each starts with another, so that no side has the warmer machine."""
    start = turn % len(labels)
    return [*labels[start:], *labels[:start]]


def sides(profile: Profile, *, against: str = "baseline", sweep: str | None = None) -> list[Side]:
    """The sides to compare: the reference first.

    Args:
        profile: what is judged.
        against: ``baseline`` (the same target without speculation), ``ngram``, ``drafter`` (the
            profile's drafter without its lookup), or a profile.
        sweep: ``setting=value,value…``: judge the profile once with each value of a setting of
            its speculation.

    Raises:
        ProfileError: ``against`` names no profile.
        UserError: the sides would be the same, or the sweep can't be read.
    """
    reference = _reference(profile, against)
    judged = _swept(profile, sweep) if sweep else [Side(_label(profile), profile)]
    if any(side.profile == reference.profile for side in judged):
        fault = "does not speculate" if profile.speculation is None else f"is {against} already"
        raise UserError(f"profile {profile.name!r} {fault}, so there is nothing to compare")
    labels = [side.label for side in judged]
    if reference.label in labels:
        reference = Side(f"{reference.label} ({reference.profile.name})", reference.profile)
    return [reference, *judged]


def _reference(profile: Profile, against: str) -> Side:
    if against == "baseline":
        return Side("baseline", profile.without_speculation())
    if against == "ngram":
        return Side("ngram", profile.with_speculation(_NGRAM))
    loaded = profile.drafter_alone() if against == "drafter" else load_profile(against)
    return Side(_label(loaded), loaded)


def _label(profile: Profile) -> str:
    return f"{profile.method or 'baseline'}{' + lookup' if profile.lookup else ''}"


def _swept(profile: Profile, sweep: str) -> list[Side]:
    setting, _, listed = sweep.partition("=")
    values = [yaml.safe_load(word) for word in listed.split(",") if word.strip()]
    if not setting or not values:
        raise UserError(f"--sweep takes SETTING=VALUE,VALUE…, not {sweep!r}")
    if profile.speculation is None:
        raise UserError(f"profile {profile.name!r} does not speculate: it has nothing to sweep")
    speculation = dict(profile.speculation)
    if setting == "num_speculative_tokens":
        # A schedule by batch size would go before what is swept.
        speculation.pop("num_speculative_tokens_per_batch_size", None)
    return [
        Side(
            f"{setting}={value}",
            profile.model_copy(update={"speculation": {**speculation, setting: value}}),
        )
        for value in values
    ]
