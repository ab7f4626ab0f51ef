//! Where a repository is.

use crate::Error;
use crate::transport::Transport;
use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::prefix::PrefixStore;
use std::fmt;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;

/// Where a repository is: a folder, or a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A folder of this machine, or mounted on it.
    Folder(PathBuf),
    /// A bucket of anything that speaks S3, and the prefix in it. Region, endpoint and credentials are
    /// those of the environment: `AWS_REGION`, `AWS_ENDPOINT_URL_S3`, `AWS_ACCESS_KEY_ID` and so on.
    S3 {
        /// The bucket.
        bucket: String,
        /// The prefix, without a slash at its ends.
        prefix: String,
    },
}

impl std::str::FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hint = "write a folder such as /var/backups/tradewind, or s3://bucket/prefix";
        match text.split_once("://") {
            None if text.is_empty() => Err(format!("no place is named; {hint}")),
            None => Ok(Self::Folder(text.into())),
            Some(("file", path)) if path.starts_with('/') => Ok(Self::Folder(path.into())),
            Some(("s3", rest)) => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                let prefix = prefix.trim_matches('/');
                let named = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
                if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(named) {
                    return Err(format!("`{bucket}` is no name of a bucket; {hint}"));
                }
                Key::parse(prefix).map_err(|e| format!("`{prefix}` is no prefix: {e}; {hint}"))?;
                Ok(Self::S3 {
                    bucket: bucket.into(),
                    prefix: prefix.into(),
                })
            }
            Some((scheme, _)) => Err(format!("`{scheme}://` is no place for backups; {hint}")),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => path.display().fmt(f),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

impl Place {
    /// The object store that it is; `make` makes a folder that does not exist.
    pub(crate) fn open(&self, make: bool) -> Result<Arc<dyn ObjectStore>, Error> {
        let unusable = |source| Error::Repository {
            what: format!("cannot open {self}"),
            source,
        };
        match self {
            Self::Folder(path) => {
                if make {
                    // It holds what the data directory holds.
                    let made = std::fs::DirBuilder::new()
                        .recursive(true)
                        .mode(0o700)
                        .create(path);
                    made.map_err(|source| Error::Machine {
                        what: format!("make the folder {self}"),
                        source,
                    })?;
                }
                let folder = LocalFileSystem::new_with_prefix(path).map_err(unusable)?;
                Ok(Arc::new(folder.with_fsync(true)))
            }
            Self::S3 { bucket, prefix } => {
                let s3 = AmazonS3Builder::from_env()
                    .with_bucket_name(bucket)
                    .with_http_connector(Transport)
                    .build()
                    .map_err(unusable)?;
                Ok(match prefix.is_empty() {
                    true => Arc::new(s3),
                    false => Arc::new(PrefixStore::new(s3, prefix.as_str())),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        for (text, place) in [
            ("/var/backups", "/var/backups"),
            ("backups", "backups"),
            ("file:///var/backups", "/var/backups"),
            ("s3://bucket", "s3://bucket/"),
            ("s3://bucket/a/b/", "s3://bucket/a/b"),
            ("", "no place is named"),
            ("file://host/path", "`file://` is no place"),
            ("s3://x", "`x` is no name of a bucket"),
            ("s3://us:er@host/p", "is no name of a bucket"),
            ("s3://bucket/a//b", "is no prefix"),
            ("https://bucket/a", "`https://` is no place"),
        ] {
            let found = match text.parse::<Place>() {
                Ok(place) => place.to_string(),
                Err(why) => why,
            };
            assert!(found.contains(place), "{text}: {found}");
        }
    }
}
