//! Configuration files, good and bad, as an operator writes them.

mod adapters;
mod cases;
mod loading;
