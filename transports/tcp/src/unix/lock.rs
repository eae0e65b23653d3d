//! The lock beside a socket file: who has it may remove and make that file.
//!
//! A probe alone cannot tell a dead server from a busy one on every system, and leaves a moment between what it saw and what
//! is done about it. The lock has no such moment, and the kernel takes it from whoever dies.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::socket_file::Identity;

/// The lock of a socket's path, held until dropped. Its file goes with it; one left behind by a crash is used again.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// The lock for the socket at `socket`; none if another server has it.
    ///
    /// # Errors
    /// `AlreadyExists` if something else has the name of its file, `InvalidFilename` if `socket` names no file.
    pub(super) fn take(socket: &Path) -> io::Result<Option<Self>> {
        let name = socket.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
        let path = socket.with_file_name([name, OsStr::new(SUFFIX)].join(OsStr::new("")));
        for _ in 0..ATTEMPTS {
            let Some(file) = open(&path)? else { continue };
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // Whoever had it before may have removed the file that we opened: then the next one locks another.
            if is_at(&path, &file)? {
                return Ok(Some(Self { file, path }));
            }
        }
        Ok(None)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is still locked, so that nobody can have it at the same time under another file. What has something in it
        // was not made here.
        let is_ours = self.file.metadata().is_ok_and(|file| file.len() == 0);
        if is_ours && is_at(&self.path, &self.file).unwrap_or(false) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The file at `path`, made if there is none. None if it came or went meanwhile.
fn open(path: &Path) -> io::Result<Option<File>> {
    // Only the own user may open it: a lock needs no more than that, and who has it keeps others from listening.
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made.map(Some),
    }
    // Nothing is made through a link, which may be anybody's, and nothing is opened that may block.
    let opened = match fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => return Err(io::ErrorKind::AlreadyExists.into()),
        Ok(_) => OpenOptions::new().write(true).open(path),
        Err(error) => Err(error),
    };
    match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some),
    }
}

fn is_at(path: &Path, file: &File) -> io::Result<bool> {
    let opened = Identity::of(&file.metadata()?);
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        found => Ok(Identity::of(&found?) == opened),
    }
}

/// Behind the socket's name. The bound of a socket's path does not count it.
const SUFFIX: &str = ".lock";
/// Files that may be removed under our hands before we give up: each was a server that just left.
const ATTEMPTS: usize = 100;

#[cfg(test)]
mod tests {
    use super::super::tests::Directory;
    use super::*;

    #[test]
    fn one_has_it_until_it_leaves_and_its_file_goes() {
        let directory = Directory::new();
        let lock = Lock::take(&directory.socket()).unwrap().unwrap();
        assert!(Lock::take(&directory.socket()).unwrap().is_none());
        // One that had opened the file before it went is not fooled by it.
        let late = open(&lock.path).unwrap().unwrap();
        drop(lock);
        assert_eq!(directory.files(), 0);
        let next = Lock::take(&directory.socket()).unwrap().unwrap();
        late.try_lock().unwrap();
        assert!(!is_at(&next.path, &late).unwrap());
    }
}
