//! The file of a socket: whose it is, and how it goes.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use tokio::net::UnixStream;

/// Which file is meant, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    /// Inodes are used again, at once on some file systems.
    changed: (i64, i64),
}

impl Identity {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            changed: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// The file of a socket that this process made. Removed when dropped, if it is still that one.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    identity: Identity,
}

impl SocketFile {
    /// The file at `path`, which was made just now.
    pub(super) fn made(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: Identity::of(&fs::symlink_metadata(path)?) })
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
    identity: Identity,
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
        Ok(Self { path: path.to_owned(), identity: Identity::of(&metadata) })
    }

    /// Whether somebody listens: `ConnectionRefused` if nobody does.
    pub(super) async fn probe(&self) -> io::Result<()> {
        UnixStream::connect(&self.path).await.map(drop)
    }

    /// Removes it, and nothing else that has its name by now.
    pub(super) fn remove(&self) -> io::Result<()> {
        // Two servers may have found the same dead one. Renaming is what only one of them can do to the same file.
        let mut aside = self.path.clone().into_os_string();
        aside.push(format!(".{}", std::process::id()));
        let aside = PathBuf::from(aside);
        match fs::rename(&self.path, &aside) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()), // the other one was faster
            renamed => renamed?,
        }
        if Identity::of(&fs::symlink_metadata(&aside)?) == self.identity {
            return fs::remove_file(&aside);
        }
        // The other one listens already: its file goes back, unless there is a third.
        let back = fs::hard_link(&aside, &self.path);
        fs::remove_file(&aside)?;
        back
    }
}
