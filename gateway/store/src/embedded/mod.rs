//! The embedded engine: streams in one data directory, no server beside the process.

mod desk;
mod dirs;
mod door;
mod gather;
mod meta;
mod promise;
mod stream;
mod worker;

use crate::backup::StreamCut;
use crate::disk::{Disk, Medium, RealDisk, Reserve};
use crate::finding::Finding;
use crate::shard::{Shard, Spec};
use crate::streams::check_name;
use crate::{
    Clock, Durability, Error, Movable, Params, Random, Settings, Standing, Stream, Streams,
    SystemClock, SystemRandom, is_there,
};
use async_trait::async_trait;
use dirs::Birth;
pub(crate) use dirs::{Dirs, MARKER};
use door::Door;
pub(crate) use meta::FORMAT;
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use stream::EmbeddedStream;

/// Streams in a data directory, which belongs to one process at a time.
///
/// Each shard of an open stream has a thread of its own that writes, unless it waits for no disk;
/// reads that may block run on tokio's blocking threads.
#[derive(Debug)]
pub struct Embedded {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    dirs: Dirs,
    disk: Reserve,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    params: Params,
    threads: bool,
    /// Each held while its stream is recovered, which may take a while.
    open: Mutex<HashMap<String, Slot>>,
    /// About the directory itself; the first stream tells it.
    finding: Mutex<Option<Finding>>,
    lock: Lock,
}

type Slot = Arc<Mutex<Weak<EmbeddedStream>>>;

/// Keeps the data directory locked until the last writer has ended.
#[derive(Clone)]
struct Lock(#[allow(dead_code)] Arc<Box<dyn Send + Sync>>);

impl std::fmt::Debug for Lock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lock")
    }
}

impl Embedded {
    /// Opens a data directory of the machine, making it if need be (not its parents).
    ///
    /// # Errors
    /// `Error::Invalid` when another process has it, or when it was written by a later version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_on(
            Arc::new(RealDisk),
            path,
            Arc::new(SystemClock::default()),
            Arc::new(SystemRandom),
            Params::default(),
        )
    }

    /// Refuses a data directory that streams could not be durable in. Looks at the nearest parent
    /// of one that does not exist; makes nothing.
    ///
    /// # Errors
    /// `Error::Invalid` when it lies in memory or on the writable layer of a container.
    pub fn accepts(path: impl AsRef<Path>) -> Result<(), Error> {
        refuse_memory(&RealDisk, path.as_ref())
    }

    /// Opens a data directory on any disk, with any clock and randomness.
    pub fn open_on(
        disk: Arc<dyn Disk>,
        path: impl AsRef<Path>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        params: Params,
    ) -> Result<Self, Error> {
        let (mut dirs, lock) = Dirs::open(&*disk, path.as_ref())?;
        let disk = Reserve::new(disk, dirs.reserve(), params.reserve_bytes)
            .map_err(|e| crate::log::failed("set room aside", &e))?;
        let lock = Lock(Arc::new(lock));
        let open = Mutex::default();
        let finding = Mutex::new(dirs.finding.take());
        let inner = Inner {
            dirs,
            disk,
            clock,
            random,
            params,
            threads: true,
            open,
            finding,
            lock,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The same without threads: every call is done when it returns, in the caller's thread. For
    /// deterministic simulation.
    #[must_use]
    pub fn inline(mut self) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.threads = false;
        }
        self
    }

    /// Streams are recovered side by side, and nobody else waits for the disk meanwhile.
    async fn opened(&self, name: &str, settings: &Settings) -> Result<Arc<EmbeddedStream>, Error> {
        if !self.inner.threads {
            return self.inner.open_stream(name, settings);
        }
        let (inner, name, settings) = (self.inner.clone(), name.to_owned(), settings.clone());
        tokio::task::spawn_blocking(move || inner.open_stream(&name, &settings))
            .await
            .map_err(|error| Error::Failed(error.to_string()))?
    }
}

impl Inner {
    fn slot(&self, name: &str) -> Slot {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.entry(name.to_owned()).or_default().clone()
    }

    fn open_stream(&self, name: &str, settings: &Settings) -> Result<Arc<EmbeddedStream>, Error> {
        check_name(name)?;
        let settings = Settings {
            shards: settings.shards.max(1),
            ..settings.clone()
        };
        let slot = self.slot(name);
        let mut opened = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stream) = opened.upgrade()
            && !stream.is_closed()
        {
            return match stream.shards() == settings.shards {
                true => Ok(stream),
                false => Err(dirs::other_shards(name, stream.shards(), settings.shards)),
            };
        }
        if settings.durability != Durability::Ephemeral {
            refuse_memory(&self.disk, self.dirs.root())?;
        }
        let (identity, finding) =
            self.dirs
                .stream(&self.disk, &*self.random, name, &settings, None)?;
        let now_ms = self.clock.unix_ms();
        let mut doors = Vec::new();
        for shard in 0..settings.shards {
            let dir = self.dirs.shard(&self.disk, name, shard)?;
            let spec = Spec {
                disk: self.disk.clone(),
                dir,
                shard,
                salt: identity.salt,
                settings: settings.clone(),
                params: self.params.within(&settings),
            };
            let shard = Shard::open(spec, now_ms)?;
            let clock = Arc::clone(&self.clock);
            let lasting = settings.durability != Durability::Ephemeral;
            doors.push(match (self.threads, lasting) {
                (true, true) => Door::thread(shard, clock, self.params, self.lock.clone())?,
                (true, false) => Door::desk(shard, clock, self.params, self.lock.clone()),
                (false, _) => Door::inline(shard, clock, self.params),
            });
        }
        let about = self
            .finding
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(door) = doors.first() {
            finding
                .into_iter()
                .chain(about)
                .for_each(|f| door.view.findings.add(f));
        }
        let stream = Arc::new(EmbeddedStream::new(
            doors,
            identity.key,
            Arc::clone(&self.clock),
            self.disk.clone(),
        ));
        *opened = Arc::downgrade(&stream);
        Ok(stream)
    }
}

/// Refuses a data directory that does not outlive the machine or the container.
fn refuse_memory(disk: &dyn Disk, root: &Path) -> Result<(), Error> {
    let what = match medium(disk, root) {
        Ok(Medium::Lasting) => return Ok(()),
        Ok(Medium::Memory(name)) => format!("a file system in memory ({name})"),
        Ok(Medium::ContainerLayer) => "the writable layer of a container".to_owned(),
        Err(error) => return Err(crate::log::failed("look at the data directory", &error)),
    };
    Err(Error::Invalid(format!(
        "data directory {} lies on {what}, which does not outlive it: mount a volume there, or \
         set durability to `ephemeral`",
        root.display()
    )))
}

/// What a directory lies on, or would once it is made.
fn medium(disk: &dyn Disk, root: &Path) -> io::Result<Medium> {
    let mut path = root;
    loop {
        let here = match path.as_os_str().is_empty() {
            true => Path::new("."),
            false => path,
        };
        match (disk.medium(here), path.parent()) {
            (Err(error), Some(parent)) if error.kind() == io::ErrorKind::NotFound => path = parent,
            (found, _) => return found,
        }
    }
}

#[async_trait]
impl Streams for Embedded {
    async fn open(&self, name: &str, settings: &Settings) -> Result<Arc<dyn Stream>, Error> {
        if let Some(standing) = self.standing(name).await? {
            standing.check(name)?;
        }
        Ok(self.opened(name, settings).await?)
    }

    async fn list(&self) -> Result<Vec<String>, Error> {
        let mut names = self.inner.dirs.list(&self.inner.disk)?;
        // One that cannot be read is told of by whoever opens it.
        let elsewhere = |name: &str| match self.inner.dirs.standing(&self.inner.disk, name) {
            Ok(Some(standing)) => !standing.is_here(),
            _ => false,
        };
        names.retain(|name| !elsewhere(name));
        Ok(names)
    }

    async fn settings(&self, name: &str) -> Result<Option<Settings>, Error> {
        match self.standing(name).await? {
            Some(Standing::Here) => self.inner.dirs.settings(&self.inner.disk, name),
            _ => Ok(None),
        }
    }

    async fn cut(&self, name: &str) -> Result<Option<StreamCut>, Error> {
        let Some(settings) = self.settings(name).await? else {
            return Ok(None);
        };
        let stream = self.opened(name, &settings).await?;
        let settings = self.inner.dirs.content(&self.inner.disk, name)?;
        Ok(Some(StreamCut {
            settings: settings.into(),
            shards: stream.cut().await?,
            _open: stream,
        }))
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        check_name(name)?;
        let slot = self.inner.slot(name);
        let opened = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let is_open = |stream: Arc<EmbeddedStream>| !stream.is_closed();
        if opened.upgrade().is_some_and(is_open) {
            return Err(Error::Invalid(format!(
                "stream `{name}` is open: close it first"
            )));
        }
        self.inner.dirs.delete(&self.inner.disk, name)
    }
}

#[async_trait]
impl Movable for Embedded {
    async fn standing(&self, name: &str) -> Result<Option<Standing>, Error> {
        check_name(name)?;
        self.inner.dirs.standing(&self.inner.disk, name)
    }

    async fn stand(&self, name: &str, standing: Standing) -> Result<(), Error> {
        check_name(name)?;
        self.inner.dirs.stand(&self.inner.disk, name, standing)
    }

    async fn make(
        &self,
        name: &str,
        settings: &Settings,
        hash_key: [u8; 16],
        from: &str,
    ) -> Result<(), Error> {
        if self.standing(name).await?.is_some() {
            return Err(is_there(name));
        }
        let settings = Settings {
            shards: settings.shards.max(1),
            ..settings.clone()
        };
        let birth = Birth {
            key: hash_key,
            standing: Standing::Coming(from.to_owned()),
        };
        let Inner {
            dirs, disk, random, ..
        } = &*self.inner;
        dirs.stream(disk, &**random, name, &settings, Some(birth))?;
        Ok(())
    }

    async fn lift(&self, name: &str) -> Result<Option<Arc<dyn Stream>>, Error> {
        check_name(name)?;
        match self.inner.dirs.settings(&self.inner.disk, name)? {
            Some(settings) => Ok(Some(self.opened(name, &settings).await?)),
            None => Ok(None),
        }
    }
}
