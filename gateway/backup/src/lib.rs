//! Backups of a data directory to a folder or object storage, and back.
//!
//! A repository holds *blobs*, pieces of files named by their SHA-256, and *manifests*, which say of
//! what blobs a backup consists. A backup exists once its manifest does; what did not change since an
//! earlier one is already there under its name, so every backup is incremental and every backup is
//! whole. `docs/guides/backup.md` has the layout and what is promised.

#![warn(clippy::expect_used)]

mod create;
mod error;
mod manifest;
mod place;
mod prune;
mod repository;
mod restore;
mod transport;
mod verify;

pub use create::{Options, Report};
pub use error::Error;
pub use manifest::{FORMAT, Manifest, Piece, Point, RunPart, SegmentPart, ShardPart, StreamPart};
pub use place::Place;
pub use prune::Pruned;
pub use repository::Repository;
pub use restore::Restored;
pub use verify::Verified;
