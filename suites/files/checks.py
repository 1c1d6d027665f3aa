"""What must hold of a file that sets Konnect up, beside what a run sees later. `dcrproof lint` performs these checks; pytest
does not. Each is asked of a secret in plain text, and says whether that breaks it.
"""

from dcrproof.core.checks.check import Evidence, Level, check
from dcrproof.core.checks.owners import KONNECT


@check(
    "files.secret.hidden",
    "No secret is written in plain text in a file that sets Konnect up",
    stage="files",
    evidence=Evidence.DOCUMENTED,
    references=(
        "github.com/Kong/kongctl, docs/examples/declarative/dcr-providers/README.md",
        "developer.hashicorp.com/terraform/language/manage-sensitive-data",
    ),
    owner=KONNECT,
    security=True,
)
def hidden(*, by_plan: bool) -> bool:
    """`by_plan`: Terraform has copied it into its plan, from wherever the author keeps it."""
    return not by_plan


@check(
    "files.secret.not-in-plan",
    "A Terraform plan holds no secret in plain text",
    stage="files",
    level=Level.SHOULD,
    evidence=Evidence.DOCUMENTED,
    references=("developer.hashicorp.com/terraform/cli/commands/show",),
    owner=KONNECT,
    security=True,
)
def not_in_plan(*, by_plan: bool) -> bool:
    return by_plan
