//! Step 7, a transport of your own: Linkspan over named pipes, held to every promise by one line at the end.

#[linkspan::service]
trait Harbour {
    async fn hail(&self, ship: String) -> String;
}

#[linkspan::notifications]
trait Tide {
    fn turned(rising: bool);
}

struct Pilot;

impl Harbour for Pilot {
    async fn hail(&self, ship: String) -> String {
        format!("{ship}, come in")
    }
}

#[cfg(all(unix, not(target_vendor = "apple")))]
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    use fifo::Fifo;
    use linkspan::{Client, Server};

    let directory = std::env::temp_dir().join(format!("linkspan-07-{}", std::process::id()));
    let server = Server::builder()
        .service(HarbourServer::new(Pilot))
        .transport(Fifo) // from here on `fifo` is a scheme like any other
        .listen(format!("fifo://{}", directory.display()))
        .start()
        .await?;
    let url = server.endpoints().first().ok_or("it listens nowhere")?.to_string();
    println!("listening at {url}");

    let client = Client::builder().transport(Fifo).connect(&url).await?;
    let answer = HarbourClient::new(&client).hail("Argo".to_owned()).await?;
    println!("the pilot answers: {answer}");
    assert_eq!(answer, "Argo, come in");

    let session = server.sessions().find(client.session().id()).ok_or("the server does not know it")?;
    println!("the client came by the pipes {}", session.peer().remote_address().unwrap_or_default());
    TidePush::new(&session).turned(true).await?;
    let event = client.events::<TideEvent>().next().await.ok_or("the connection ended")??;
    println!("the tide turned: {event:?}");
    assert!(matches!(event, TideEvent::Turned { rising: true }));

    server.shutdown().await;
    std::fs::remove_dir(&directory)?; // it would fail if the road had left anything behind
    Ok(())
}

/// Apple's systems have named pipes too, but `rustix` makes none there.
#[cfg(not(all(unix, not(target_vendor = "apple"))))]
fn main() {
    let _waits_in_vain = Pilot;
    println!("this road needs named pipes, as Linux has them; the rest of the ladder runs here");
}

/// The road: `fifo:///path/to/directory`, between programs of one user on one machine.
///
/// A server owns the directory. In it lies a pipe called `knock`, which only the server reads. A client makes two pipes
/// beside it, one for each direction, and writes their name into `knock`, as one line. The server opens both and
/// answers with one byte; from then on they are a byte stream like any other. Their names are removed: an open pipe
/// needs none, and so nothing is left to be cleaned up, whichever side goes first.
#[cfg(all(unix, not(target_vendor = "apple")))]
mod fifo {
    use std::ffi::OsStr;
    use std::fs::{DirBuilder, File};
    use std::hash::{BuildHasher, Hasher, RandomState};
    use std::io::{self, IoSlice};
    use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
    use std::path::{Path, PathBuf};
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use linkspan_core::{
        Arrival, Capabilities, Endpoint, Error, ErrorKind, Link, Listener, PeerInfo, Transport, async_trait,
    };
    use rustix::fs::{CWD, Mode, mkfifoat};
    use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, Interest, Join};
    use tokio::net::unix::pipe::{OpenOptions, Receiver, Sender};

    /// What an application registers.
    #[derive(Clone, Copy, Debug, Default)]
    pub(crate) struct Fifo;

    #[async_trait]
    impl Transport for Fifo {
        fn schemes(&self) -> &[&'static str] {
            &["fifo"]
        }

        fn capabilities(&self) -> Capabilities {
            Capabilities::byte_stream()
        }

        async fn connect(&self, endpoint: &Endpoint) -> Result<Link, Error> {
            let directory = directory(endpoint)?;
            // What seeds a hash map is random enough for a name that nobody has; a taken one fails when it is made.
            let name = format!("{:016x}", RandomState::new().build_hasher().finish());
            let wire = knock(&directory, &name).await.map_err(|cause| {
                let (kind, advice) = match cause.kind() {
                    io::ErrorKind::PermissionDenied => {
                        (ErrorKind::Configuration, "connect as the user who listens")
                    }
                    _ => (ErrorKind::Unreachable, "is the server running?"),
                };
                Error::new(kind, format!("nobody let us in at {endpoint}; {advice}")).with_source(cause)
            })?;
            Ok(link(wire, endpoint, name))
        }

        async fn listen(&self, endpoint: &Endpoint) -> Result<Box<dyn Listener>, Error> {
            let directory = directory(endpoint)?;
            let listener = occupy(directory, endpoint.clone().without_options()).map_err(|cause| {
                let (kind, advice) = match cause.kind() {
                    io::ErrorKind::WouldBlock => {
                        (ErrorKind::AddressInUse, "another server does; take another directory")
                    }
                    _ => (ErrorKind::Configuration, "name a directory of this user alone, or one to be made"),
                };
                Error::new(kind, format!("cannot listen at {endpoint}; {advice}")).with_source(cause)
            })?;
            Ok(Box::new(listener))
        }
    }

    /// A directory that is listened in.
    #[derive(Debug)]
    struct FifoListener {
        endpoint: Endpoint,
        directory: PathBuf,
        /// What was read and is no whole line yet: kept here, since the future of `accept` may be dropped at any time.
        heard: Vec<u8>,
        knocks: Receiver,
        /// A writer that never writes, since a pipe without any is at its end; and what is given back when this is
        /// dropped, in this order: the pipe's name, and the right to the directory.
        _held: (Sender, PipeName, File),
    }

    #[async_trait]
    impl Listener for FifoListener {
        async fn accept(&mut self) -> Result<Arrival, Error> {
            loop {
                if let Some(end) = self.heard.iter().position(|&byte| byte == b'\n') {
                    let line: Vec<u8> = self.heard.drain(..=end).collect();
                    let (directory, endpoint) = (self.directory.clone(), self.endpoint.clone());
                    // All that can go wrong with this client goes wrong in its own arrival, and delays nobody else.
                    return Ok(Arrival::new(async move {
                        let (wire, name) = welcome(&directory, &line).await.map_err(|cause| {
                            let what = format!("a client knocked at {endpoint} and was gone");
                            Error::new(ErrorKind::Unreachable, what).with_source(cause)
                        })?;
                        Ok(link(wire, &endpoint, name))
                    }));
                }
                // Whatever comes, we hold no more than a name can need.
                let excess = self.heard.len().saturating_sub(NAME_LEN);
                self.heard.drain(..excess);
                let failed =
                    |cause| Error::new(ErrorKind::AtCapacity, "cannot hear who knocks").with_source(cause);
                self.knocks.read_buf(&mut self.heard).await.map_err(failed)?;
            }
        }

        fn endpoint(&self) -> &Endpoint {
            &self.endpoint
        }
    }

    /// The pipe that clients knock at.
    const KNOCK: &str = "knock";

    /// Bytes in the name of a client's pipes. With its line's end that is far below `PIPE_BUF`, 512 or more: so much is
    /// written into a pipe whole or not at all, and never mixed with what others write.
    const NAME_LEN: usize = 16;

    /// Nothing else that is written into `knock` is ever made a path, so no client leads us out of the directory.
    fn is_name(name: &str) -> bool {
        name.len() == NAME_LEN && name.bytes().all(|byte| byte.is_ascii_hexdigit())
    }

    /// The paths of a client's pipes: what it writes to, and what it reads from.
    fn pair(directory: &Path, name: &str) -> (PathBuf, PathBuf) {
        (directory.join(name).with_extension("up"), directory.join(name).with_extension("down"))
    }

    fn directory(endpoint: &Endpoint) -> Result<PathBuf, Error> {
        endpoint.check_options(&[])?;
        if endpoint.host().is_empty() && endpoint.port().is_none() && endpoint.path().len() > 1 {
            return Ok(endpoint.path().into());
        }
        Err(Error::configuration(format!("{endpoint} has no directory; write fifo:///path/to/directory")))
    }

    /// Makes `directory` a server's own.
    fn occupy(directory: PathBuf, endpoint: Endpoint) -> io::Result<FifoListener> {
        if let Err(cause) = DirBuilder::new().mode(0o700).create(&directory)
            && cause.kind() != io::ErrorKind::AlreadyExists
        {
            return Err(cause);
        }
        // With the dot only a directory can be opened. A pipe of that name would let us wait for its writer.
        let lock = File::open(directory.join("."))?;
        if lock.metadata()?.permissions().mode() & 0o077 != 0 {
            let what = "other users have rights to the directory; take them away with `chmod 700`";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, what));
        }
        // The lock says that the address is taken, since the kernel takes it back even from a server that is killed.
        // Of such a server, and of clients that were, only names are left, and whoever has the lock may remove them.
        lock.try_lock()?;
        for entry in directory.read_dir()?.flatten() {
            let path = entry.path();
            let stem = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
            if (stem == KNOCK || is_name(stem)) && entry.file_type().is_ok_and(|kind| kind.is_fifo()) {
                drop(PipeName(path));
            }
        }
        let name = PipeName::make(directory.join(KNOCK))?;
        let (knocks, writer) = name.open()?;
        Ok(FifoListener { endpoint, directory, heard: Vec::new(), knocks, _held: (writer, name, lock) })
    }

    /// The client's part: makes the pair, knocks, and waits until the server has opened it.
    async fn knock(directory: &Path, name: &str) -> io::Result<Wire> {
        let mut knock = OpenOptions::new().open_sender(directory.join(KNOCK))?; // fails if nobody reads it
        let (up, down) = pair(directory, name);
        let (up, down) = (PipeName::make(up)?, PipeName::make(down)?);
        // A pipe that nobody reads cannot be opened for writing, and one that nobody writes to is at its end. So both
        // ends of both are held here until the server has its own.
        let ((_reader, outgoing), (mut incoming, _writer)) = (up.open()?, down.open()?);
        knock.write_all(format!("{name}\n").as_bytes()).await?;
        tokio::select! {
            biased; // a server may welcome us and then stop listening
            welcomed = incoming.read_u8() => welcomed?,
            _ = knock.ready(Interest::ERROR) => return Err(io::ErrorKind::BrokenPipe.into()), // nobody listens any more
        };
        Ok(tokio::io::join(incoming, Outgoing(Some(outgoing))))
    }

    /// The server's part, for a client that wrote `line`. It waits for nobody: who is alive holds both ends open.
    async fn welcome(directory: &Path, line: &[u8]) -> io::Result<(Wire, String)> {
        // A line is written whole, so its end is a name, even behind what somebody else has left unfinished.
        let name = line.trim_ascii_end().last_chunk::<NAME_LEN>().and_then(|name| str::from_utf8(name).ok());
        let name = name.filter(|name| is_name(name)).ok_or(io::ErrorKind::InvalidData)?;
        let (up, down) = pair(directory, name);
        let (up, down) = (PipeName(up), PipeName(down)); // from here on removed, also if the client cannot any more
        let incoming = OpenOptions::new().open_receiver(&up.0)?;
        let mut outgoing = OpenOptions::new().open_sender(&down.0)?;
        outgoing.write_all(b"\n").await?;
        Ok((tokio::io::join(incoming, Outgoing(Some(outgoing))), name.to_owned()))
    }

    fn link(wire: Wire, endpoint: &Endpoint, name: String) -> Link {
        Link::from_io(wire, PeerInfo::new(endpoint.clone()).with_addresses(None, name))
    }

    /// A pipe's name, removed when this is dropped. Those who have the pipe open keep it.
    #[derive(Debug)]
    struct PipeName(PathBuf);

    impl PipeName {
        fn make(path: PathBuf) -> io::Result<Self> {
            mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR)?; // fails if there is one, so from here on it is ours
            Ok(Self(path))
        }

        fn open(&self) -> io::Result<(Receiver, Sender)> {
            Ok((OpenOptions::new().open_receiver(&self.0)?, OpenOptions::new().open_sender(&self.0)?))
        }
    }

    impl Drop for PipeName {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0); // the other side may have done it already
        }
    }

    /// Two pipes that are one byte stream.
    type Wire = Join<Receiver, Outgoing>;

    /// The pipe to the peer; none once all is said. A pipe knows no shutdown: it ends when its last writer is dropped.
    #[derive(Debug)]
    struct Outgoing(Option<Sender>);

    impl Outgoing {
        fn sender(&mut self) -> io::Result<Pin<&mut Sender>> {
            self.0.as_mut().map(Pin::new).ok_or(io::ErrorKind::BrokenPipe.into())
        }
    }

    impl AsyncWrite for Outgoing {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.sender()?.poll_write(cx, bytes)
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(())) // what is written is on its way
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.0 = None; // what is in the pipe can still be read
            Poll::Ready(Ok(()))
        }

        // Frames are handed over many at a time. Without this each would be a write of its own.
        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            slices: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            self.sender()?.poll_write_vectored(cx, slices)
        }

        fn is_write_vectored(&self) -> bool {
            true
        }
    }

    #[cfg(test)]
    mod tests {
        use std::fs;
        use std::sync::atomic::{AtomicU32, Ordering};

        use linkspan_conformance::Road;

        use super::*;

        linkspan_conformance::transport!(fifo_keeps_every_promise, road());

        fn road() -> Road {
            let scratch = Scratch::new();
            let url = scratch.url("server-{n}");
            // The closure keeps the directory for as long as the road is tested.
            Road::new("fifo", Fifo, url).with_connect(move |endpoint| {
                let _kept = &scratch;
                endpoint.clone()
            })
        }

        /// A directory for one test, removed with all that is in it.
        struct Scratch(PathBuf);

        impl Scratch {
            fn new() -> Self {
                static NEXT: AtomicU32 = AtomicU32::new(0);
                let unique =
                    format!("linkspan-fifo-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
                let path = std::env::temp_dir().join(unique);
                fs::create_dir(&path).unwrap();
                Self(path)
            }

            fn url(&self, name: &str) -> String {
                format!("fifo://{}", self.0.join(name).display())
            }
        }

        impl Drop for Scratch {
            fn drop(&mut self) {
                let _ = fs::remove_dir_all(&self.0);
            }
        }

        #[tokio::test]
        async fn a_wrong_endpoint_says_what_to_write() {
            for (wrong, advice) in [
                ("fifo://pipes/here", "write fifo:///path"),
                ("fifo:///", "write fifo:///path"),
                ("fifo:///tmp/pipes?mode=0600", "mode"),
            ] {
                let wrong = wrong.parse().unwrap();
                for error in [Fifo.connect(&wrong).await.unwrap_err(), Fifo.listen(&wrong).await.unwrap_err()]
                {
                    assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
                    assert!(error.to_string().contains(advice), "{error}");
                }
            }
        }

        #[tokio::test]
        async fn a_directory_that_others_may_enter_is_refused() {
            let scratch = Scratch::new();
            DirBuilder::new().mode(0o755).create(scratch.0.join("open")).unwrap();
            let error = Fifo.listen(&scratch.url("open").parse().unwrap()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(format!("{error:?}").contains("chmod 700"), "{error:?}");

            mkfifoat(CWD, scratch.0.join("pipe"), Mode::RUSR | Mode::WUSR).unwrap();
            let error = Fifo.listen(&scratch.url("pipe").parse().unwrap()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "and a pipe in its place is not waited for");
        }

        #[tokio::test]
        async fn an_address_is_taken_once_and_free_again() {
            let scratch = Scratch::new();
            let endpoint = scratch.url("server").parse().unwrap();
            let nobody = Fifo.connect(&endpoint).await.unwrap_err();
            assert_eq!(nobody.kind(), ErrorKind::Unreachable, "{nobody}");

            let first = Fifo.listen(&endpoint).await.unwrap();
            let second = Fifo.listen(&endpoint).await.unwrap_err();
            assert_eq!(second.kind(), ErrorKind::AddressInUse, "{second}");

            // Who knocked when the listener goes is told, and not left waiting.
            let waiting = tokio::spawn({
                let endpoint = endpoint.clone();
                async move { Fifo.connect(&endpoint).await.unwrap_err().kind() }
            });
            tokio::task::yield_now().await;
            drop(first);
            assert_eq!(waiting.await.unwrap(), ErrorKind::Unreachable);
            assert_eq!(fs::read_dir(scratch.0.join("server")).unwrap().count(), 0, "nothing is left");

            // Nor does what a killed server left keep anybody out, or in.
            mkfifoat(CWD, scratch.0.join("server").join(KNOCK), Mode::RUSR | Mode::WUSR).unwrap();
            let nobody = Fifo.connect(&endpoint).await.unwrap_err();
            assert_eq!(nobody.kind(), ErrorKind::Unreachable, "{nobody}");
            Fifo.listen(&endpoint).await.unwrap();
        }

        #[tokio::test]
        async fn whatever_is_written_at_the_door_others_come_in() {
            let scratch = Scratch::new();
            let mut listener = Fifo.listen(&scratch.url("server").parse().unwrap()).await.unwrap();
            let endpoint = listener.endpoint().clone();
            let directory = scratch.0.join("server");

            // One that is no name, one that leads elsewhere, one whose client is dead, and one that is cut short.
            let (up, down) = pair(&directory, "0123456789abcdef");
            for path in [&up, &down] {
                mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).unwrap();
            }
            let mut door = OpenOptions::new().open_sender(directory.join(KNOCK)).unwrap();
            door.write_all(b"\n../../0123456789\n0123456789abcdef\nfedcba9876543210fed").await.unwrap();

            let client = tokio::spawn(async move { Fifo.connect(&endpoint).await });
            for _ in 0..3 {
                let stranger = listener.accept().await.unwrap().await.unwrap_err();
                assert_eq!(stranger.kind(), ErrorKind::Unreachable, "{stranger}");
            }
            listener.accept().await.unwrap().await.unwrap();
            client.await.unwrap().unwrap();
            assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "only the pipe to knock at is left");
        }
    }
}
