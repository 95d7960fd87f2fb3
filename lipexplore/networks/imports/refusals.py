"""Why operators cannot be imported."""

from __future__ import annotations

from lipexplore.networks.layers import NO_MAX_POOL

_SLOPES = "the methods here know elementwise activations between affine layers"

_REASONS = (
    (
        ("maxpool", "adaptivemaxpool", "globalmaxpool", "fractionalmaxpool", "maxout"),
        NO_MAX_POOL,
    ),
    (
        ("groupsort", "maxmin", "sort", "topk"),
        f"sorting mixes units, and {_SLOPES}: rewrite pairs by "
        "lipexplore.networks.group_sort.group_sort_network",
    ),
    (
        ("layernorm", "instancenorm", "groupnorm", "rmsnorm", "localresponsenorm", "lrn",
         "instancenormalization", "layernormalization", "groupnormalization",
         "rmsnormalization", "lpnormalization", "meanvariancenormalization"),
        "its factors depend on the input, so it is no affine layer: use batch normalisation",
    ),
    (
        ("relu6", "hardtanh", "clip", "hardsigmoid", "hardswish", "mish", "softsign", "softshrink",
         "hardshrink", "tanhshrink", "logsigmoid", "thresholdedrelu", "threshold", "glu"),
        "there is no such activation here",
    ),
    (
        ("rnn", "lstm", "gru", "rnncell", "lstmcell", "grucell", "loop", "scan", "if"),
        "recurrences and branches are no chain of layers",
    ),
    (
        ("multiheadattention", "attention", "transformerencoderlayer", "transformer"),
        "attention multiplies values by values: it has no Lipschitz constant on the whole space",
    ),
)  # fmt: skip


def refusal(kind: str) -> str:
    """Return the sentence for an operator or module that is not known."""
    plain = kind.lower().rstrip("123d")
    for names, reason in _REASONS:
        if kind.lower() in names or plain in names:
            return f"{kind} is not supported: {reason}"
    return f"{kind} is not supported: see docs/import.md for the operators that are"


LONGEST = 400


def one_line(problem: object) -> str:
    """Return a message in printable characters, on one line: names come from files."""
    text = "".join(letter if letter.isprintable() else " " for letter in str(problem))
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."
