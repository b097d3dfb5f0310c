"""The trust chain of a stack, decided before anything is changed.

From what the stack says, the versions that it deploys and the URL of KBS follow, in this order: the documents
(initdata), what a pod VM measures of them (PCR 8), the reference values that evidence is held to, the policies, and
with them the content of everything that Trustee reads. All of it is pure: no pulumi import, no clock of its own, the
same input gives the same chain. Knows settings and formats; knows no resources.
"""
