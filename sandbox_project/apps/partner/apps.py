from oscar.apps.partner import apps


class PartnerConfig(apps.PartnerConfig):
    name = "sandbox_project.apps.partner"
