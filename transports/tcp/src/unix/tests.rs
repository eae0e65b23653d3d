//! What the waist promises, over real socket files.

use std::fs;
use std::future::{Future, poll_fn};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use linkspan_core::frame::{KIND_HELLO, LAST, MAGIC};
use linkspan_core::{Batch, Close, CloseCode, Endpoint, ErrorKind, Inbox, Lane, Link, Listener, Transport};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

use super::Unix;

/// A directory of one's own, removed at the end.
pub(super) struct Directory(PathBuf);

impl Directory {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("linkspan-unix-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.0.join("a.sock")
    }

    pub(super) fn endpoint(&self) -> Endpoint {
        self.with("")
    }

    fn with(&self, options: &str) -> Endpoint {
        format!("unix://{}{options}", self.socket().display()).parse().unwrap()
    }

    pub(super) async fn listen(&self) -> Box<dyn Listener> {
        Unix::new().listen(&self.endpoint()).await.unwrap()
    }

    /// What a server leaves that is killed.
    fn leave_behind(&self) {
        drop(std::os::unix::net::UnixListener::bind(self.socket()).unwrap());
        assert!(self.socket().exists());
    }

    fn mode(&self) -> u32 {
        fs::metadata(self.socket()).unwrap().permissions().mode() & 0o7777
    }

    pub(super) fn files(&self) -> usize {
        fs::read_dir(&self.0).unwrap().count()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(super) async fn within<T>(case: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), case).await.expect("the case ends in time")
}

async fn pair(directory: &Directory) -> (Link, Link) {
    let mut listener = directory.listen().await;
    let client = Unix::new().connect(listener.endpoint()).await.unwrap();
    (client, listener.accept().await.unwrap().await.unwrap())
}

#[tokio::test]
async fn frames_cross_whole_and_in_order_and_the_end_is_seen() {
    within(async {
        let directory = Directory::new();
        let (client, server) = pair(&directory).await;
        let ((mut client, _), (mut server, _)) = (client.into_parts(), server.into_parts());
        let mut batch = Batch::new();
        batch.push((KIND_HELLO, 0), Lane::ZERO, None, |out| out.extend(MAGIC)).unwrap();
        for number in 0..200_u8 {
            let body = Bytes::from(vec![number; 60_000]);
            batch.push((0x10, LAST), Lane::new(7), Some(body), |_| {}).unwrap();
        }
        let send = async {
            poll_fn(|cx| client.poll_send(cx, &mut batch)).await.unwrap();
            let close = Close::new(CloseCode::NORMAL, "done");
            poll_fn(|cx| client.poll_close(cx, &close)).await.unwrap();
        };
        let receive = async {
            let mut inbox = Inbox::new();
            let mut bodies = Vec::new();
            while poll_fn(|cx| server.poll_recv(cx, &mut inbox)).await.unwrap() {
                bodies.extend(inbox.frames().map(|frame| (frame.len(), frame[frame.len() - 1])));
            }
            bodies
        };
        let ((), received) = tokio::join!(send, receive);
        assert_eq!(received[0].0, 8);
        assert!(received[1..].iter().zip(0_u8..).all(|(frame, number)| *frame == (60_005, number)));
        assert_eq!(received.len(), 201);
    })
    .await;
}

#[tokio::test]
async fn both_ends_are_told_which_process_the_other_is() {
    within(async {
        let directory = Directory::new();
        let (client, server) = pair(&directory).await;
        let own = fs::metadata("/proc/self").unwrap();
        for link in [&client, &server] {
            let peer = link.peer().credentials().unwrap();
            assert_eq!((peer.uid, peer.gid, peer.pid), (own.uid(), own.gid(), Some(std::process::id())));
            assert!(link.peer().tls().is_none() && !link.peer().capabilities().encrypted);
        }
        let socket = directory.socket().display().to_string();
        assert_eq!(client.peer().remote_address(), Some(socket.as_str()));
        assert_eq!(server.peer().local_address(), Some(socket.as_str()));
        assert_eq!(server.peer().remote_address(), None);
    })
    .await;
}

#[tokio::test]
async fn the_file_is_for_the_own_user_unless_the_endpoint_says_otherwise() {
    within(async {
        let directory = Directory::new();
        let listener = directory.listen().await;
        assert_eq!(directory.mode(), 0o600);
        drop(listener);
        for (text, mode) in [("?mode=0660", 0o660), ("?mode=0666", 0o666), ("?mode=0200", 0o200)] {
            let listener = Unix::new().listen(&directory.with(text)).await.unwrap();
            assert_eq!(directory.mode(), mode);
            assert_eq!(listener.endpoint(), &directory.endpoint(), "an option is left in the endpoint");
        }
    })
    .await;
}

#[tokio::test]
async fn the_file_goes_with_its_listener_and_links_live_on() {
    within(async {
        let directory = Directory::new();
        let mut listener = directory.listen().await;
        let client = Unix::new().connect(listener.endpoint()).await.unwrap();
        let server = listener.accept().await.unwrap().await.unwrap();
        drop(listener);
        assert_eq!(directory.files(), 0);
        let (mut client, _) = client.into_parts();
        let mut batch = Batch::new();
        batch.push((KIND_HELLO, 0), Lane::ZERO, None, |out| out.extend(MAGIC)).unwrap();
        poll_fn(|cx| client.poll_send(cx, &mut batch)).await.unwrap();
        let (mut server, _) = server.into_parts();
        assert!(poll_fn(|cx| server.poll_recv(cx, &mut Inbox::new())).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_another_servers_by_now_stays() {
    within(async {
        let directory = Directory::new();
        let listener = directory.listen().await;
        for file in fs::read_dir(&directory.0).unwrap() {
            fs::remove_file(file.unwrap().path()).unwrap(); // as an impatient administrator does
        }
        let other = directory.listen().await;
        drop(listener);
        assert!(directory.socket().exists());
        Unix::new().connect(other.endpoint()).await.unwrap();
        assert_eq!(directory.files(), 2, "the lock is the other's too");
    })
    .await;
}

#[tokio::test]
async fn files_beside_the_socket_are_left_alone() {
    within(async {
        let directory = Directory::new();
        let beside = |suffix: &str| directory.0.join(format!("a.sock.{suffix}"));
        let names = ["1".to_owned(), std::process::id().to_string(), "lock".to_owned()];
        for name in &names {
            fs::write(beside(name), "precious").unwrap();
        }
        directory.leave_behind();
        drop(directory.listen().await);
        for name in &names {
            assert_eq!(fs::read_to_string(beside(name)).unwrap(), "precious");
        }
        // Nothing is made, and nothing locked, through a link.
        fs::remove_file(beside("lock")).unwrap();
        std::os::unix::fs::symlink(directory.0.join("elsewhere"), beside("lock")).unwrap();
        let error = Unix::new().listen(&directory.endpoint()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains(".lock"), "{error}");
        assert!(!directory.0.join("elsewhere").exists());
    })
    .await;
}

#[tokio::test]
async fn a_lock_that_a_crash_left_is_used_again_and_is_for_the_own_user() {
    within(async {
        let directory = Directory::new();
        let lock = directory.0.join("a.sock.lock");
        fs::write(&lock, "").unwrap();
        directory.leave_behind();
        drop(directory.listen().await);
        assert_eq!(directory.files(), 0);
        let listener = Unix::new().listen(&directory.with("?mode=0666")).await.unwrap();
        assert_eq!(fs::metadata(&lock).unwrap().permissions().mode() & 0o7777, 0o600);
        drop(listener);
    })
    .await;
}

#[tokio::test]
async fn what_a_dead_server_left_is_replaced() {
    within(async {
        let directory = Directory::new();
        directory.leave_behind();
        let error = Unix::new().connect(&directory.endpoint()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert!(error.is_retryable() && error.to_string().contains("start the server"), "{error}");
        let listener = directory.listen().await;
        Unix::new().connect(listener.endpoint()).await.unwrap();
        assert_eq!(directory.files(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_live_server_keeps_its_address() {
    within(async {
        let directory = Directory::new();
        let mut listener = directory.listen().await;
        let error = Unix::new().listen(&directory.endpoint()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddressInUse);
        assert!(error.to_string().contains("pick another path"), "{error}");
        let client = Unix::new().connect(listener.endpoint()).await.unwrap();
        listener.accept().await.unwrap().await.unwrap();
        drop((client, listener));
        // Other programs know of no lock, and keep theirs too.
        let other = std::os::unix::net::UnixListener::bind(directory.socket()).unwrap();
        let error = Unix::new().listen(&directory.endpoint()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddressInUse);
        UnixStream::connect(directory.socket()).await.unwrap();
        drop(other);
    })
    .await;
}

#[tokio::test]
async fn of_many_servers_that_find_a_dead_one_a_single_one_listens() {
    within(async {
        for _ in 0..20 {
            let directory = Directory::new();
            directory.leave_behind();
            let endpoint = directory.endpoint();
            let starting: Vec<_> = (0..8)
                .map(|_| {
                    let endpoint = endpoint.clone();
                    tokio::spawn(async move { Unix::new().listen(&endpoint).await })
                })
                .collect();
            let mut listening = Vec::new();
            for started in starting {
                match started.await.unwrap() {
                    Ok(listener) => listening.push(listener),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::AddressInUse, "{error:?}"),
                }
            }
            assert_eq!(listening.len(), 1);
            Unix::new().connect(&endpoint).await.unwrap();
            assert_eq!(directory.files(), 2, "the socket and its lock");
        }
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_never_touched() {
    within(async {
        let directory = Directory::new();
        fs::write(directory.socket(), "precious").unwrap();
        let error = Unix::new().listen(&directory.endpoint()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains("no socket"), "{error}");
        assert_eq!(fs::read_to_string(directory.socket()).unwrap(), "precious");
        fs::remove_file(directory.socket()).unwrap();
        let target = directory.0.join("target");
        fs::write(&target, "precious").unwrap();
        std::os::unix::fs::symlink(&target, directory.socket()).unwrap();
        Unix::new().listen(&directory.endpoint()).await.unwrap_err();
        assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
        assert!(fs::symlink_metadata(directory.socket()).unwrap().is_symlink());
    })
    .await;
}

#[tokio::test]
async fn a_path_longer_than_an_address_is_a_typed_error() {
    within(async {
        let longest = format!("unix:///tmp/{}", "x".repeat(107 - 5)).parse().unwrap();
        let missing = Unix::new().connect(&longest).await.unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::Unreachable, "{missing}");
        let longer: Endpoint = format!("unix:///tmp/{}", "x".repeat(108 - 5)).parse().unwrap();
        for error in
            [Unix::new().connect(&longer).await.unwrap_err(), Unix::new().listen(&longer).await.unwrap_err()]
        {
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(error.to_string().contains("108 bytes"), "{error}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_wrong_endpoint_says_what_to_write() {
    within(async {
        for (text, hint) in [
            ("unix://run/app.sock", "three slashes"),
            ("unix:///", "three slashes"),
            ("unix://", "three slashes"),
            ("unix:///tmp/a.sock?mod=0600", "unknown option `mod`"),
        ] {
            let at: Endpoint = text.parse().unwrap();
            for error in
                [Unix::new().connect(&at).await.unwrap_err(), Unix::new().listen(&at).await.unwrap_err()]
            {
                assert_eq!(error.kind(), ErrorKind::Configuration, "{text}");
                assert!(error.to_string().contains(hint), "{text}: {error}");
            }
        }
        let directory = Directory::new();
        let nowhere: Endpoint = format!("unix://{}/no/a.sock", directory.0.display()).parse().unwrap();
        let error = Unix::new().listen(&nowhere).await.unwrap_err();
        assert!(error.to_string().contains("directory"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_full_queue_is_waited_for() {
    within(async {
        let directory = Directory::new();
        // A listener whose queue holds next to nothing.
        let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
        socket.bind(&socket2::SockAddr::unix(directory.socket()).unwrap()).unwrap();
        socket.listen(1).unwrap();
        let mut queued = Vec::new();
        while let Ok(stream) = UnixStream::connect(directory.socket()).await {
            queued.push(stream);
            assert!(queued.len() < 100, "the queue has no end");
        }
        let endpoint = directory.endpoint();
        let error = Unix::new().listen(&endpoint).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddressInUse, "busy is not dead");
        let connecting = tokio::spawn(async move { Unix::new().connect(&endpoint).await });
        tokio::task::yield_now().await;
        assert!(!connecting.is_finished());
        let (mut accepted, _) = socket.accept().map(|(stream, address)| (Some(stream), address)).unwrap();
        connecting.await.unwrap().unwrap();
        drop(accepted.take());
    })
    .await;
}

#[tokio::test]
async fn a_stranger_is_refused_at_his_first_bytes() {
    within(async {
        let directory = Directory::new();
        let mut listener = directory.listen().await;
        let mut raw = UnixStream::connect(directory.socket()).await.unwrap();
        raw.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap().await.unwrap().into_parts();
        let refused = poll_fn(|cx| server.poll_recv(cx, &mut Inbox::new())).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Protocol);
    })
    .await;
}
