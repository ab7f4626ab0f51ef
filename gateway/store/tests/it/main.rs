//! Integration tests of the store.

mod contract;
