//! Typed configuration with located errors.
