//! Keywords of JSON Schema by what their values are.

/// Keywords whose values are data, whatever they look like.
pub(super) const DATA: [&str; 4] = ["enum", "const", "default", "examples"];
/// Keywords that hold schemas by names of the author's choice, which are no keywords.
pub(super) const BY_NAME: [&str; 6] = [
    "$defs",
    "definitions",
    "dependencies",
    "dependentSchemas",
    "patternProperties",
    "properties",
];
