"""The names that users are told about, page by page; a test holds each to a full docstring."""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple

import lipexplore
from lipexplore import errors
from lipexplore.properties import path_regularization


class Group(NamedTuple):
    """One page of the reference: its file, title and first sentence, and dotted names."""

    file: str
    title: str
    intro: str
    names: tuple[str, ...]


def of(module: str, names: str) -> tuple[str, ...]:
    """Return the dotted names of a module."""
    return tuple(f"lipexplore.{module}.{name}" for name in names.split())


DATA = {
    "lipexplore.METHODS": (
        "All bound methods, a tuple of subclasses of :class:`~lipexplore.bounds.BoundMethod`; "
        "each has a page under Bound methods."
    ),
    "lipexplore.WHOLE_SPACE": (
        "The region of all inputs, the only value of :class:`~lipexplore.regions.WholeSpace`."
    ),
    "lipexplore.panels.PANELS": (
        "All panels in the order in which the workbench shows them, a tuple of subclasses of "
        ":class:`~lipexplore.panels.Panel`; ``lipexplore.panels.NAME(network)`` shows one alone."
    ),
}
"""Public values; what they are."""

GROUPS = (
    Group(
        "lipexplore",
        "lipexplore",
        "What `import lipexplore` offers. Everything else is imported from the modules on the "
        "following pages.",
        tuple(f"lipexplore.{name}" for name in lipexplore.__all__),
    ),
    Group(
        "bounds",
        "Bounds",
        "The class that every method extends, records, and norms of convolutions.",
        of("bounds", "BoundMethod Estimate method_class")
        + of("bounds.margins", "MarginTable")
        + of("bounds.saving", "save_certificate")
        + of(
            "bounds.operator_norms.convolutions",
            "convolution_norms ConvolutionNorm",
        ),
    ),
    Group(
        "networks",
        "Networks and regions",
        "Activations, shipped and random networks, other kinds of networks, imports, regions.",
        of("networks.activations", "Activation activation")
        + of("networks.gallery", "gallery_names digits")
        + of("networks.generators", "random_dense random_banded random_sparse")
        + of("networks.group_sort", "group_sort_network")
        + of("networks.residual", "ResidualMap")
        + of("networks.contraction", "Contraction contraction")
        + of("networks.implicit_generators", "random_implicit")
        + of("networks.parallel_cases", "from_network from_residual")
        + of("networks.imports.record", "Imported")
        + of("regions", "WholeSpace"),
    ),
    Group(
        "certificates",
        "Certificates",
        "Proofs written to files and checked without a solver.",
        of("certificates.files", "write_certificate load_certificate verify_certificate Verdict"),
    ),
    Group(
        "properties",
        "Properties",
        "What bounds prove besides themselves: robustness, and properties of all pairs of inputs.",
        of("properties.robustness", "certified_radii CertifiedRadii")
        + of("properties.local_radius", "local_radius LocalRadius")
        + of(
            "properties.incremental_qc",
            "certify lipschitz one_sided_upper one_sided_lower strong_monotonicity inverse_bound "
            "contraction dissipativity IncrementalBound",
        ),
    ),
    Group(
        "implicit",
        "Implicit networks",
        "Bounds, boxes and certified radii of equilibrium networks.",
        of("properties.implicit.bounds", "implicit_bound")
        + of("properties.reachability", "EmbeddedNetwork reachable_box")
        + of("properties.implicit.robustness", "is_certified certified_radii lipschitz_radii"),
    ),
    Group(
        "path-regularization",
        "Path regularization",
        "Path norms of parallel networks and the training problems they regularise.",
        of("properties.path_norm", "path_norms regulariser lipschitz_above group_bound rescaled")
        + of("properties.path_regularization", " ".join(path_regularization.__all__)),
    ),
    Group(
        "generalization",
        "Generalization of unfolded networks",
        "Classes of unfolded networks, their constants and the gap that follows.",
        of(
            "properties.generalization",
            "IstaClass LayerwiseClass Block GapBound Term generalization_gap input_lipschitz "
            "growth_bound perturbation_bound frobenius_above samples_needed",
        ),
    ),
    Group(
        "experiments",
        "Experiments and figures",
        "Sweeps that are kept, compared and run on clusters; tables as files; a figure.",
        of("experiments.cases", "Case")
        + of("experiments.store", "Store")
        + of("experiments.comparison", "compare")
        + of("experiments.distributed", "cluster_executor")
        + of("experiments.export", "csv_text parquet_bytes latex_text")
        + of("figures.tightness", "bound_against_runtime"),
    ),
    Group(
        "panels",
        "Panels",
        "Widgets for JupyterLab.",
        of("panels", "PANELS Panel Alone"),
    ),
    Group(
        "errors",
        "Errors",
        "Every error that lipexplore raises on purpose; each message says what to do.",
        of("errors", " ".join(name for name in vars(errors) if name[0].isupper())),
    ),
)


def public_names() -> list[str]:
    """Return all dotted names in their order."""
    return [name for group in GROUPS for name in group.names]


def resolve(dotted: str) -> Any:
    """Return what a dotted name means."""
    module, _, name = dotted.rpartition(".")
    return getattr(import_module(module), name)
