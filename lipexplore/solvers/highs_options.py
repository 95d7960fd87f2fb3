"""PICOS options in the words of HiGHS."""

from typing import Any

TOLERANCES = {
    "abs_prim_fsb_tol": ("primal_feasibility_tolerance", 1e-10),
    "abs_dual_fsb_tol": ("dual_feasibility_tolerance", 1e-10),
    "rel_ipm_opt_tol": ("ipm_optimality_tolerance", 1e-12),
    "abs_bnb_opt_tol": ("mip_abs_gap", 0.0),
    "rel_bnb_opt_tol": ("mip_rel_gap", 0.0),
    "integrality_tol": ("mip_feasibility_tolerance", 1e-10),
}
"""HiGHS's name for a tolerance of PICOS, and the least value that HiGHS takes."""

ROOT_METHODS: dict[str, dict[str, Any]] = {
    "interior": {"solver": "ipm", "run_crossover": "off"},
    "psimplex": {"solver": "simplex", "simplex_strategy": 4},
    "dsimplex": {"solver": "simplex", "simplex_strategy": 1},
}

ITERATION_LIMITS = (
    "simplex_iteration_limit",
    "ipm_iteration_limit",
    "pdlp_iteration_limit",
    "qp_iteration_limit",
)


def native_options(options: Any) -> dict[str, Any]:
    """Return HiGHS options for PICOS options; ``highs_params`` has the last word.

    Options objects made before `register` lack ``highs_params``.
    """
    native: dict[str, Any] = {"threads": 1}
    for name, (theirs, least) in TOLERANCES.items():
        if options[name] is not None:
            native[theirs] = max(options[name], least)
    native |= ROOT_METHODS.get(options.lp_root_method, {})
    if options.max_iterations is not None:
        native |= dict.fromkeys(ITERATION_LIMITS, options.max_iterations)
    if options.timelimit is not None:
        native["time_limit"] = float(options.timelimit)
    if options.max_fsb_nodes is not None:
        native["mip_max_improving_sols"] = options.max_fsb_nodes
    return native | (options.highs_params if "highs_params" in options else {})
