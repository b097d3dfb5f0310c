"""What the operator's NetworkPolicies may keep KBS from."""

from coco_azure import names
from coco_azure.formats.kbs import egress, tdx
from coco_azure.settings import Settings
from coco_azure.trust.chain import Chain


def warnings(stack: Settings, chain: Chain) -> list[str]:
    """Return a warning where KBS asks for Intel's certificates at a port that its operator may close."""
    tdx_settings, csv = stack.trustee.tdx, chain.versions.csv.get(names.TRUSTEE_PACKAGE)
    if (
        tdx_settings is None
        or csv is None
        or egress.port_of(tdx_settings.asked) == egress.PORT
        or not egress.may_close(csv)
    ):
        return []
    name = "pccsUrl" if tdx_settings.collateral_service is None else "collateralService"
    warning = (
        f"trustee.tdx.{name} is {tdx_settings.asked}, and {csv} may keep KBS from it: its NetworkPolicies let "
        f"KBS out to port {egress.PORT} and to that of the cluster's proxy only, and it undoes changes of them; no TDX "
        f"pod VM would be attested. Serve it at port {egress.PORT}, or take Azure's cache: "
        f"pulumi config set --path coco-azure:trustee.tdx.{name} {tdx.AZURE_CACHE}"
    )
    return [warning]
