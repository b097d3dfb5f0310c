"""The library of coco-azure: everything that is decided and rendered. No resource is made here."""
