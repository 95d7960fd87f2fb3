"""PICOS options in the words of Clarabel."""

from typing import Any

TOLERANCES = {
    "tol_feas": ("rel_prim_fsb_tol", "rel_dual_fsb_tol"),
    "tol_gap_abs": ("abs_ipm_opt_tol",),
    "tol_gap_rel": ("rel_ipm_opt_tol",),
}
"""The options of PICOS whose least value is a tolerance of Clarabel."""

STEADY = {"max_threads": 1, "static_regularization_constant": 3e-7}
"""A regularisation 30 times Clarabel's own choice, with which PICOS's degenerate complex Max-3-Cut
ends solved instead of almost solved; elsewhere the number of iterations is the same to 5 %."""


def native_options(options: Any) -> dict[str, Any]:
    """Return Clarabel settings for PICOS options; ``clarabel_params`` has the last word.

    Options objects made before `register` lack ``clarabel_params``.
    """
    native: dict[str, Any] = dict(STEADY)
    for name, theirs in TOLERANCES.items():
        given = [options[option] for option in theirs if options[option] is not None]
        if given:
            native[name] = min(given)
    if options.max_iterations is not None:
        native["max_iter"] = options.max_iterations
    if options.timelimit is not None:
        native["time_limit"] = float(options.timelimit)
    return native | (options.clarabel_params if "clarabel_params" in options else {})
