//! Blobs and manifests in an object store.

use crate::error::Error;
use crate::{Manifest, Piece, Place};
use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::path::Path as Key;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use std::sync::Arc;

/// Largest blob that is read: the largest row of a state table, with room to spare.
const BLOB_MAX: u64 = 300 << 20;
const MANIFEST_MAX: u64 = 1 << 30;

/// A repository of backups.
#[derive(Debug, Clone)]
pub struct Repository {
    store: Arc<dyn ObjectStore>,
    place: Place,
}

impl Repository {
    /// Opens one to write to it; a folder is made.
    ///
    /// # Errors
    /// When it cannot be, or the environment lacks something.
    pub fn create(place: &Place) -> Result<Self, Error> {
        Ok(Self::on(place.open(true)?, place))
    }

    /// Opens one to read it.
    ///
    /// # Errors
    /// For a folder that does not exist.
    pub fn open(place: &Place) -> Result<Self, Error> {
        Ok(Self::on(place.open(false)?, place))
    }

    fn on(store: Arc<dyn ObjectStore>, place: &Place) -> Self {
        Self {
            store,
            place: place.clone(),
        }
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Names of the backups, oldest first.
    ///
    /// # Errors
    /// What the repository says.
    pub async fn list(&self) -> Result<Vec<String>, Error> {
        let found = self.objects("backups").await?;
        let mut ids: Vec<String> = found
            .iter()
            .filter_map(|meta| {
                Some(
                    meta.location
                        .filename()?
                        .strip_suffix(".manifest")?
                        .to_owned(),
                )
            })
            .collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// The latest backup.
    ///
    /// # Errors
    /// `Invalid` where there is none.
    pub async fn latest(&self) -> Result<String, Error> {
        let none = || Error::Invalid(format!("there is no backup in {}", self.place));
        self.list().await?.pop().ok_or_else(none)
    }

    /// What a backup consists of.
    ///
    /// # Errors
    /// `Invalid` where there is no such backup, `Damaged` for a manifest that is not what was written.
    pub async fn manifest(&self, id: &str) -> Result<Manifest, Error> {
        match self.get(&manifest_key(id), MANIFEST_MAX).await {
            Err(Error::Repository {
                source: object_store::Error::NotFound { .. },
                ..
            }) => Err(Error::Invalid(format!(
                "there is no backup `{id}` in {}: `tradewind backup list` shows those there are",
                self.place
            ))),
            content => Manifest::decode(id, &content?),
        }
    }

    pub(crate) async fn put_manifest(&self, manifest: &Manifest) -> Result<(), Error> {
        self.put(&manifest_key(&manifest.id), manifest.encode()?.into())
            .await
    }

    pub(crate) async fn put_blob(&self, piece: &Piece, content: Bytes) -> Result<(), Error> {
        self.put(&blob_key(&piece.sha256), content).await
    }

    /// The content of a blob, verified.
    pub(crate) async fn blob(&self, piece: &Piece) -> Result<Bytes, Error> {
        let damaged = |why: String| Error::Damaged {
            what: format!("blob {}", piece.sha256),
            why,
        };
        if piece.len > BLOB_MAX {
            return Err(damaged(format!("it claims {} bytes", piece.len)));
        }
        let content = match self.get(&blob_key(&piece.sha256), BLOB_MAX).await {
            Err(Error::Repository {
                source: object_store::Error::NotFound { .. },
                ..
            }) => {
                return Err(damaged("it is missing".into()));
            }
            content => content?,
        };
        let (content, found) = crate::error::blocking(move || {
            let found = Piece::of(&content);
            Ok((content, found))
        })
        .await?;
        match found == *piece {
            true => Ok(content),
            false if found.len != piece.len => Err(damaged(format!(
                "it has {} bytes instead of {}",
                found.len, piece.len
            ))),
            false => Err(damaged("its checksum differs".into())),
        }
    }

    pub(crate) async fn blobs(&self) -> Result<Vec<ObjectMeta>, Error> {
        self.objects("blobs").await
    }

    pub(crate) async fn remove_manifest(&self, id: &str) -> Result<(), Error> {
        self.remove(&manifest_key(id)).await
    }

    pub(crate) async fn remove(&self, key: &Key) -> Result<(), Error> {
        let removed = self.store.delete(key).await;
        removed.map_err(|source| self.failed("remove", key, source))
    }

    async fn objects(&self, under: &str) -> Result<Vec<ObjectMeta>, Error> {
        let prefix = Key::from(under);
        let listed = self.store.list(Some(&prefix)).try_collect().await;
        listed.map_err(|source| self.failed("list", &prefix, source))
    }

    async fn put(&self, key: &Key, content: Bytes) -> Result<(), Error> {
        match self.store.put(key, content.into()).await {
            Ok(_) => Ok(()),
            Err(source) => Err(self.failed("write", key, source)),
        }
    }

    async fn get(&self, key: &Key, max: u64) -> Result<Bytes, Error> {
        let failed = |source| self.failed("read", key, source);
        let found = self.store.get(key).await.map_err(failed)?;
        if found.meta.size > max {
            return Err(Error::Damaged {
                what: key.to_string(),
                why: format!("it has {} bytes", found.meta.size),
            });
        }
        found.bytes().await.map_err(failed)
    }

    fn failed(&self, what: &str, key: &Key, source: object_store::Error) -> Error {
        Error::Repository {
            what: format!("cannot {what} {key} in {}", self.place),
            source,
        }
    }
}

fn manifest_key(id: &str) -> Key {
    Key::from(format!("backups/{id}.manifest"))
}

fn blob_key(sha256: &str) -> Key {
    let folder = sha256.get(..2).unwrap_or_default();
    Key::from(format!("blobs/{folder}/{sha256}"))
}
