//! Handlers that hold a thread: what `run` says decides whom they delay.
#![cfg(feature = "tcp")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use std::convert::Infallible;
use std::future::Future;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::Duration;

use linkspan::{CallError, Client, Close, CloseCode, Code, Context, Limits, PushSink, Ran, Server, Sessions};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::time::timeout;

#[linkspan::service]
trait Work {
    async fn ping(&self) -> u64;
    /// Waits without holding a thread.
    async fn sleeps(&self) -> u64;
    /// Holds its thread until it is released, as one that computes would.
    async fn held(&self) -> u64;
    /// The same, unless it is to be quick.
    async fn held_or(&self, quick: bool) -> u64;
    /// Tells every session before.
    async fn told_and_held_or(&self, quick: bool) -> u64;
    async fn held_after_await_or(&self, quick: bool) -> u64;
    /// Closes the session afterwards.
    async fn held_at_last(&self, cx: &Context) -> u64;
    #[call(run = "spawn")]
    async fn held_spawned(&self) -> u64;
    /// Tells its session first.
    #[call(run = "spawn")]
    async fn tells_and_held_spawned(&self, cx: &Context) -> u64;
    #[call(run = "blocking")]
    async fn held_blocking(&self) -> u64;
    #[call(run = "blocking", one_way)]
    async fn held_one_way(&self);
    #[call(run = "spawn")]
    async fn panics_spawned(&self) -> u64;
    #[call(run = "blocking")]
    async fn panics_blocking(&self) -> u64;
    /// Waits for ever, and tells when it is dropped.
    #[call(run = "spawn")]
    async fn hangs_spawned(&self) -> u64;
    #[call(run = "blocking")]
    async fn hangs_blocking(&self) -> u64;
    /// Waits until it is given up, and tells.
    #[call(run = "spawn", cancel = "token")]
    async fn listens_spawned(&self, cx: &Context) -> u64;
    #[call(run = "blocking", cancel = "token")]
    async fn listens_blocking(&self, cx: &Context) -> u64;
    /// Headers there and back, and whether there is a deadline.
    #[call(run = "spawn")]
    async fn echoes_spawned(&self, cx: &Context, text: String) -> Result<bool, String>;
    #[call(run = "blocking")]
    async fn echoes_blocking(&self, cx: &Context, text: String) -> Result<bool, String>;
}

#[linkspan::notifications]
trait News {
    fn begun(n: u64);
}

/// What handlers and tests tell each other.
#[derive(Clone, Debug)]
struct Worker {
    /// A permit for every handler that holds a thread, or waits.
    entered: Arc<Semaphore>,
    /// A permit for every handler that was dropped or told.
    given_up: Arc<Semaphore>,
    released: Arc<(Mutex<bool>, Condvar)>,
    /// A permit for every sleeper that may go on.
    woken: Arc<Semaphore>,
    /// Whom to tell.
    sessions: Arc<OnceLock<Sessions>>,
}

impl Worker {
    fn new() -> Self {
        let none = || Arc::new(Semaphore::new(0));
        Self {
            entered: none(),
            given_up: none(),
            released: Arc::default(),
            woken: none(),
            sessions: Arc::default(),
        }
    }

    fn hold(&self) -> u64 {
        self.entered.add_permits(1);
        let (released, changed) = &*self.released;
        let released = released.lock().unwrap();
        let (guard, waited) = changed.wait_timeout_while(released, PATIENCE, |released| !*released).unwrap();
        drop(guard);
        assert!(!waited.timed_out(), "the test never released it");
        42
    }

    fn release(&self) {
        *self.released.0.lock().unwrap() = true;
        self.released.1.notify_all();
    }

    async fn hang(&self) -> u64 {
        struct Tell(Arc<Semaphore>);
        impl Drop for Tell {
            fn drop(&mut self) {
                self.0.add_permits(1);
            }
        }
        let _tell = Tell(self.given_up.clone());
        self.entered.add_permits(1);
        std::future::pending().await
    }

    async fn listen(&self, cx: &Context) -> u64 {
        self.entered.add_permits(1);
        cx.cancelled().await;
        self.given_up.add_permits(1);
        7
    }

    async fn echo(cx: &Context, text: String) -> Result<bool, String> {
        tokio::task::yield_now().await;
        cx.add_response_metadata("text", &text);
        if text.is_empty() { Err("empty".to_owned()) } else { Ok(cx.deadline().is_some()) }
    }

    async fn entered(&self, count: u32) {
        take(&self.entered, count).await;
    }
}

/// Waits for `count` permits, and uses them up.
async fn take(semaphore: &Semaphore, count: u32) {
    timeout(PATIENCE, semaphore.acquire_many(count)).await.expect("it never came to that").unwrap().forget();
}

impl Work for Worker {
    async fn ping(&self) -> u64 {
        1
    }

    async fn sleeps(&self) -> u64 {
        self.entered.add_permits(1);
        take(&self.woken, 1).await;
        42
    }

    async fn held(&self) -> u64 {
        self.hold()
    }

    async fn held_or(&self, quick: bool) -> u64 {
        if quick { 1 } else { self.hold() }
    }

    async fn told_and_held_or(&self, quick: bool) -> u64 {
        if quick {
            return 1;
        }
        for session in self.sessions.get().unwrap().iter() {
            session.push(NewsPush::begun_push(1)).await.unwrap();
        }
        self.hold()
    }

    async fn held_after_await_or(&self, quick: bool) -> u64 {
        tokio::task::yield_now().await;
        if quick { 1 } else { self.hold() }
    }

    async fn held_at_last(&self, cx: &Context) -> u64 {
        let held = self.hold();
        cx.session().close(Close::new(CloseCode::NORMAL, "that was all"));
        held
    }

    async fn held_spawned(&self) -> u64 {
        self.hold()
    }

    async fn tells_and_held_spawned(&self, cx: &Context) -> u64 {
        cx.session().push(NewsPush::begun_push(1)).await.unwrap();
        self.hold()
    }

    async fn held_blocking(&self) -> u64 {
        self.hold()
    }

    async fn held_one_way(&self) {
        self.hold();
    }

    async fn panics_spawned(&self) -> u64 {
        std::panic::resume_unwind(Box::new("asked to panic"))
    }

    async fn panics_blocking(&self) -> u64 {
        std::panic::resume_unwind(Box::new("asked to panic"))
    }

    async fn hangs_spawned(&self) -> u64 {
        self.hang().await
    }

    async fn hangs_blocking(&self) -> u64 {
        self.hang().await
    }

    async fn listens_spawned(&self, cx: &Context) -> u64 {
        self.listen(cx).await
    }

    async fn listens_blocking(&self, cx: &Context) -> u64 {
        self.listen(cx).await
    }

    async fn echoes_spawned(&self, cx: &Context, text: String) -> Result<bool, String> {
        Self::echo(cx, text).await
    }

    async fn echoes_blocking(&self, cx: &Context, text: String) -> Result<bool, String> {
        Self::echo(cx, text).await
    }
}

/// A server on a runtime of its own, as in a process of its own: nothing that its clients do rouses its workers.
struct Stage {
    worker: Worker,
    server: Server,
    theirs: Runtime,
    ours: Runtime,
}

impl Stage {
    fn new(workers: usize, limits: Limits) -> Self {
        Self::on("tcp://127.0.0.1:0", workers, limits)
    }

    fn on(url: &str, workers: usize, limits: Limits) -> Self {
        let theirs = Builder::new_multi_thread().worker_threads(workers).enable_all().build().unwrap();
        let ours = Builder::new_current_thread().enable_all().build().unwrap();
        let worker = Worker::new();
        let server = Server::builder().service(WorkServer::new(worker.clone())).limits(limits).listen(url);
        let server = theirs.block_on(server.start()).unwrap();
        worker.sessions.set(server.sessions()).unwrap();
        Self { worker, server, theirs, ours }
    }

    /// Plays `scene` and takes everything down.
    fn play<F: Future<Output = ()>>(self, scene: impl FnOnce(Worker, Vec<WorkClient>) -> F) {
        let url = self.server.endpoints().first().unwrap().to_string();
        self.ours.block_on(async {
            let mut clients = Vec::new();
            for _ in 0..2 {
                let client = Client::connect(url.as_str()).await.unwrap();
                clients.push(WorkClient::new(&client));
            }
            timeout(2 * PATIENCE, scene(self.worker.clone(), clients))
                .await
                .expect("the scene takes too long");
        });
        self.theirs.block_on(async {
            timeout(PATIENCE, self.server.shutdown()).await.expect("the server stops");
        });
    }
}

/// What came of a call whose handler held its thread.
type Busy = Result<u64, CallError<Infallible>>;

async fn answered(client: &WorkClient) {
    assert_eq!(timeout(PATIENCE, client.ping()).await.expect("a ping is delayed"), Ok(1));
}

/// Answers each of `others` ten times while `busy` holds its thread.
async fn delays_none(
    worker: &Worker,
    busy: impl Future<Output = Busy> + Send + 'static,
    others: &[&WorkClient],
) {
    let busy = tokio::spawn(busy);
    worker.entered(1).await;
    for other in others.repeat(10) {
        answered(other).await;
    }
    worker.release();
    assert_eq!(busy.await.unwrap(), Ok(42));
}

#[test]
fn a_sleeping_handler_delays_nobody() {
    Stage::new(1, Limits::default()).play(|worker, clients| async move {
        let sleeping = tokio::spawn(clients[0].sleeps().into_owned());
        worker.entered(1).await;
        for client in &clients {
            answered(client).await;
        }
        worker.woken.add_permits(1);
        assert_eq!(sleeping.await.unwrap(), Ok(42));
    });
}

#[test]
fn busy_handlers_declared_spawn_delay_no_other_call() {
    Stage::new(3, Limits::default()).play(|worker, clients| async move {
        let busy = [
            tokio::spawn(clients[0].held_spawned().into_owned()),
            tokio::spawn(clients[0].held_spawned().into_owned()),
        ];
        worker.entered(2).await;
        for _ in 0..10 {
            answered(&clients[0]).await;
            answered(&clients[1]).await;
        }
        worker.release();
        for busy in busy {
            assert_eq!(busy.await.unwrap(), Ok(42));
        }
    });
}

#[test]
fn what_a_handler_declared_spawn_pushed_does_not_wait_until_it_ends() {
    told_while_held(|work, _| async move { work.tells_and_held_spawned().await });
}

#[test]
fn what_a_handler_that_was_taken_for_quick_pushed_does_not_wait_until_it_ends() {
    told_while_held(|_, work| async move {
        for _ in 0..300 {
            assert_eq!(work.told_and_held_or(true).await, Ok(1));
        }
        work.told_and_held_or(false).await
    });
}

/// Has `busy` call a handler that tells a client before it holds its thread; the client is that of the first stub.
fn told_while_held<F>(busy: impl FnOnce(WorkClient, WorkClient) -> F)
where
    F: Future<Output = Busy> + Send + 'static,
{
    let Stage { worker, server, theirs, ours } = Stage::new(2, Limits::default());
    let url = server.endpoints().first().unwrap().to_string();
    ours.block_on(async {
        let client = Client::connect(url.as_str()).await.unwrap();
        let other = Client::connect(url.as_str()).await.unwrap();
        let mut news = client.events::<NewsEvent>();
        let work = WorkClient::new(&client);
        let busy = tokio::spawn(busy(work.clone(), WorkClient::new(&other)));
        worker.entered(1).await;
        timeout(PATIENCE, news.next()).await.expect("the push waits").unwrap().unwrap();
        for _ in 0..10 {
            answered(&work).await;
        }
        worker.release();
        assert_eq!(busy.await.unwrap(), Ok(42));
    });
    theirs.block_on(async { timeout(PATIENCE, server.shutdown()).await.expect("the server stops") });
}

#[test]
fn more_busy_handlers_declared_blocking_than_workers_delay_no_other_call() {
    Stage::new(1, Limits::default()).play(|worker, clients| async move {
        let busy: Vec<_> = (0..16).map(|_| tokio::spawn(clients[0].held_blocking().into_owned())).collect();
        clients[0].held_one_way().await.unwrap();
        worker.entered(17).await;
        for _ in 0..10 {
            answered(&clients[0]).await;
            answered(&clients[1]).await;
        }
        worker.release();
        for busy in busy {
            assert_eq!(busy.await.unwrap(), Ok(42));
        }
    });
}

#[test]
fn a_busy_handler_that_nothing_was_declared_of_delays_its_own_connection_only() {
    // From the first call on, and with one worker.
    Stage::new(1, Limits::default()).play(|worker, clients| async move {
        let busy = tokio::spawn(clients[0].held().into_owned());
        worker.entered(1).await;
        let mut behind = std::pin::pin!(clients[0].ping());
        assert!(
            std::future::poll_fn(|cx| std::task::Poll::Ready(behind.as_mut().poll(cx))).await.is_pending()
        );
        for _ in 0..10 {
            answered(&clients[1]).await;
        }
        worker.release();
        assert_eq!(busy.await.unwrap(), Ok(42));
        assert_eq!(behind.await, Ok(1));
    });
}

#[test]
fn a_handler_that_is_busy_once_in_a_hundred_calls_delays_its_own_connection_only() {
    busy_after(100, 1);
}

#[test]
fn a_handler_that_was_taken_for_quick_is_found_where_another_worker_sleeps() {
    busy_after(300, 2);
}

/// After so many quick calls of its method, a busy handler of a server with so many workers delays no other connection.
fn busy_after(quick: usize, workers: usize) {
    Stage::new(workers, Limits::default()).play(|worker, clients| async move {
        let (client, other) = (clients.first().unwrap(), clients.last().unwrap());
        for _ in 0..quick {
            assert_eq!(client.held_or(true).await, Ok(1));
        }
        delays_none(&worker, client.held_or(false).into_owned(), &[other]).await;
    });
}

#[test]
fn a_busy_handler_delays_its_own_connection_only_after_its_first_await_too() {
    Stage::new(2, Limits::default()).play(|worker, clients| async move {
        for _ in 0..300 {
            assert_eq!(clients[0].held_after_await_or(true).await, Ok(1));
        }
        // Its connection goes on as well: the handler is a task by now.
        let busy = clients[0].held_after_await_or(false).into_owned();
        delays_none(&worker, busy, &[&clients[1], &clients[0]]).await;
    });
}

#[test]
fn a_runtime_that_shuts_down_while_a_handler_holds_its_thread_sees_no_panic() {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Relaxed);
        hook(panic);
    }));
    // A road without sockets, whose links live on.
    let Stage { worker, server, theirs, ours } = Stage::on("mem://heavy", 1, Limits::default());
    let url = server.endpoints().first().unwrap().to_string();
    ours.block_on(async {
        let client = Client::connect(url.as_str()).await.unwrap();
        let other = Client::connect(url.as_str()).await.unwrap();
        let busy = tokio::spawn(WorkClient::new(&client).held_at_last().into_owned());
        worker.entered(1).await;
        theirs.shutdown_background();
        timeout(PATIENCE, other.closed()).await.expect("the runtime drops its tasks");
        tokio::time::sleep(Duration::from_millis(50)).await; // and then its clock, which nothing tells
        worker.release();
        timeout(PATIENCE, busy).await.unwrap().unwrap().expect_err("it is not answered");
        drop(server);
        let gone = async {
            while Arc::strong_count(&worker.entered) > 1 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, gone).await.expect("the connection's task is gone");
    });
    assert_eq!(PANICS.load(Relaxed), 0);
}

#[test]
fn blocking_handlers_beyond_the_limit_wait_and_one_given_up_meanwhile_never_runs() {
    let limits = Limits::default().with_max_blocking_handlers(1);
    Stage::new(1, limits).play(|worker, clients| async move {
        let busy = tokio::spawn(clients[0].held_blocking().into_owned());
        worker.entered(1).await;
        let waits = clients[1].held_blocking().with_timeout(Duration::from_millis(20)).await;
        let Err(CallError::Status(status)) = waits else { panic!("{waits:?}") };
        assert_eq!(status.code(), Code::DeadlineExceeded);
        let next = tokio::spawn(clients[1].held_blocking().into_owned());
        answered(&clients[1]).await;
        worker.release();
        assert_eq!((busy.await.unwrap(), next.await.unwrap()), (Ok(42), Ok(42)));
        worker.entered(1).await;
        assert_eq!(worker.entered.available_permits(), 0, "the one that was given up never ran");
    });
}

#[test]
fn a_panic_of_a_handler_that_runs_elsewhere_fails_its_call_only() {
    Stage::new(1, Limits::default()).play(|_, clients| async move {
        for call in [clients[0].panics_spawned(), clients[0].panics_blocking()] {
            let failed = timeout(PATIENCE, call).await.unwrap();
            let Err(CallError::Status(status)) = failed else { panic!("{failed:?}") };
            assert_eq!((status.code(), status.ran()), (Code::Internal, Ran::Maybe));
            answered(&clients[0]).await;
        }
    });
}

#[test]
fn handlers_that_run_elsewhere_obey_their_cancel_policy() {
    Stage::new(1, Limits::default()).play(|worker, clients| async move {
        for call in [
            clients[0].hangs_spawned().into_owned(),
            clients[0].hangs_blocking().into_owned(),
            clients[0].listens_spawned().into_owned(),
            clients[0].listens_blocking().into_owned(),
        ] {
            let call = tokio::spawn(call);
            worker.entered(1).await;
            call.abort();
            take(&worker.given_up, 1).await;
            answered(&clients[0]).await;
        }
    });
}

#[test]
fn deadlines_end_handlers_that_run_elsewhere() {
    Stage::new(1, Limits::default()).play(|worker, clients| async move {
        for call in [clients[0].hangs_spawned(), clients[0].hangs_blocking()] {
            let ended = timeout(PATIENCE, call.with_timeout(Duration::from_millis(50))).await.unwrap();
            let Err(CallError::Status(status)) = ended else { panic!("{ended:?}") };
            assert_eq!(status.code(), Code::DeadlineExceeded);
            take(&worker.given_up, 1).await;
        }
    });
}

#[test]
fn handlers_that_run_elsewhere_have_their_context_and_answer_in_full() {
    Stage::new(1, Limits::default()).play(|_, clients| async move {
        let long = "x".repeat(100_000); // its body has a lane of its own
        for text in ["short", long.as_str()] {
            for call in [clients[0].echoes_spawned(text.into()), clients[0].echoes_blocking(text.into())] {
                let response = timeout(PATIENCE, call.into_response()).await.unwrap();
                if text.len() > 1000 {
                    // As a header it is too long: the answer says so, and that the handler ran.
                    let Err(CallError::Status(status)) = response else { panic!("{response:?}") };
                    assert_eq!((status.code(), status.ran()), (Code::ResourceExhausted, Ran::Yes));
                } else {
                    let response = response.unwrap();
                    assert_eq!((response.value, response.metadata.text("text")), (true, Some(text)));
                }
            }
        }
        for call in [clients[0].echoes_spawned(String::new()), clients[0].echoes_blocking(String::new())] {
            assert_eq!(call.await, Err(CallError::Application("empty".to_owned())));
        }
    });
}

#[test]
fn a_shutdown_waits_for_handlers_that_run_elsewhere() {
    let Stage { worker, server, theirs, ours } = Stage::new(2, Limits::default());
    let url = server.endpoints().first().unwrap().to_string();
    ours.block_on(async {
        let client = Client::connect(url.as_str()).await.unwrap();
        let client = WorkClient::new(&client);
        let busy = [
            tokio::spawn(client.held_spawned().into_owned()),
            tokio::spawn(client.held_blocking().into_owned()),
        ];
        worker.entered(2).await;
        let stopping = theirs.spawn(async move { server.shutdown().await });
        // New calls are refused from the moment that it stops.
        while timeout(PATIENCE, client.ping()).await.unwrap().is_ok() {}
        assert!(!stopping.is_finished());
        worker.release();
        for busy in busy {
            assert_eq!(timeout(PATIENCE, busy).await.unwrap().unwrap(), Ok(42));
        }
        timeout(PATIENCE, stopping).await.unwrap().unwrap();
    });
}

#[test]
fn a_client_that_leaves_ends_what_it_asked_for_elsewhere() {
    Stage::new(1, Limits::default()).play(|worker, mut clients| async move {
        let calls = [
            tokio::spawn(clients[0].hangs_spawned().into_owned()),
            tokio::spawn(clients[0].hangs_blocking().into_owned()),
        ];
        worker.entered(2).await;
        calls.iter().for_each(tokio::task::JoinHandle::abort);
        clients.remove(0);
        take(&worker.given_up, 2).await;
        answered(&clients[0]).await;
    });
}

/// Longer than any event here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
