"""The questions that a program can ask about its own objects, in-process: `unleak.watch`, `unleak.expect_freed`,
`unleak.growth`, `unleak.explain`. The package `unleak` imports a part of this when its name is first used.

Nothing here calls code of the objects that it looks at (no repr, no attribute hooks, no comparison), changes them, or
keeps them alive; what is returned and raised holds text and numbers only.
"""
