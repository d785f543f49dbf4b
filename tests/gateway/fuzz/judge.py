"""Whether what came back is what may come back."""

import json
import math


def wrong(case, answers):
    """Return what is wrong with the answers to a case, None where nothing is."""
    if case.leaves:
        return None
    if not answers and b"".join(p for p in case.pieces if isinstance(p, bytes)).strip(b"\r\n"):
        return "no answer at all"
    for answer in answers:
        if found := _wrong(case, answer):
            return found
    return None


def _wrong(case, answer):
    said = f"{answer.status} {answer.body[:300]!r}"
    if answer.status in range(400, 500):
        return _wrong_refusal(case, answer, said)
    if answer.status != 200:
        return f"neither an answer nor a refusal: {said}"
    if not case.may_pass:
        return f"accepted: {said}"
    return None if _is_finite(answer) else f"no finite prediction: {said}"


def _wrong_refusal(case, answer, said):
    if not case.bodiless and not _is_sentence(answer):
        return f"refused without a sentence: {said}"
    if answer.status == 405 and "allow" not in answer.headers:
        return f"no method is allowed: {said}"
    return None


def _is_sentence(answer):
    if answer.headers.get("content-type") != "application/json":
        return False
    match json.loads(answer.body):
        case {"error": str(sentence), **rest} if not rest:
            return len(sentence.split()) > 2 and len(sentence) < 1_000
    return False


def _is_finite(answer):
    """Whether predictions, where there are some, are numbers."""
    if b'"predictions"' not in answer.body[:20]:
        return True
    found = json.loads(answer.body)["predictions"]
    return bool(found) and all(isinstance(p, float) and math.isfinite(p) for p in found)
