//! Verification of webhook signatures over raw bytes.
