//! The file of a socket: whose it is, and how it goes.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use tokio::net::UnixStream;

use super::lock::Lock;

/// Which file is meant, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    /// Inodes are used again, at once on some file systems.
    changed: (i64, i64),
}

impl Identity {
    pub(super) fn of(metadata: &fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            changed: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// The file of a socket that this process made. Removed when dropped, if it is still that one; the lock goes after it.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    identity: Identity,
    _lock: Lock,
}

impl SocketFile {
    /// The file at `path`, which was made just now by whoever holds `lock`.
    pub(super) fn made(path: &Path, lock: Lock) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: Identity::of(&fs::symlink_metadata(path)?), _lock: lock })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let still = fs::symlink_metadata(&self.path).is_ok_and(|now| Identity::of(&now) == self.identity);
        if still {
            let _ = fs::remove_file(&self.path); // what is left behind is replaced by the next server
        }
    }
}

/// A socket file that somebody made.
#[derive(Debug)]
pub(super) struct Found {
    path: PathBuf,
}

impl Found {
    /// The socket at `path`.
    ///
    /// # Errors
    /// `AlreadyExists` if it is something else, which is none of our business.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        let metadata = fs::symlink_metadata(path)?;
        if !metadata.file_type().is_socket() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        Ok(Self { path: path.to_owned() })
    }

    /// Whether somebody listens: `ConnectionRefused` if nobody does.
    pub(super) async fn probe(&self) -> io::Result<()> {
        UnixStream::connect(&self.path).await.map(drop)
    }

    /// Removes it. Only whoever holds the lock may, and nobody else puts another file in its place meanwhile.
    pub(super) fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()), // an administrator was faster
            removed => removed,
        }
    }
}
