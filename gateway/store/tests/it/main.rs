//! Integration tests of the store.

mod contract;
mod damage;
mod full;
mod opening;
mod power;
