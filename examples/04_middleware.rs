//! Step 4, what surrounds a call: tower layers at the server, metadata, limits, deadlines and cancellation.

use std::future::Future;
use std::pin::Pin;
use std::task;
use std::time::{Duration, Instant};

use linkspan::{CallError, CallRequest, Client, Code, Context, Limits, Metadata, Ran, Reply, Server, Status};
use tokio::sync::mpsc;
use tower::filter::FilterLayer;
use tower::layer::layer_fn;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[linkspan::service]
trait Oven {
    /// How hot it is.
    async fn degrees(&self) -> u32;
    /// Bakes until the caller has had enough. `token`: the handler is told, and tidies up before it ends.
    #[call(cancel = "token")]
    async fn bake(&self, cx: &Context);
}

/// Notes what its handlers do.
struct Kitchen(mpsc::Sender<&'static str>);

impl Oven for Kitchen {
    async fn degrees(&self) -> u32 {
        180
    }

    async fn bake(&self, cx: &Context) {
        let _ = self.0.send("lit").await;
        cx.cancelled().await;
        let _ = self.0.send("put out").await;
    }
}

/// A layer of one's own: prints each call and how long it took.
#[derive(Clone)]
struct Timing<S>(S);

impl<S> tower::Service<CallRequest> for Timing<S>
where
    S: tower::Service<CallRequest, Response = Reply>,
    S::Future: Send + 'static,
{
    type Response = Reply;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> task::Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    #[expect(clippy::disallowed_methods, reason = "it shows how long a call takes")]
    fn call(&mut self, request: CallRequest) -> Self::Future {
        let (path, began) = (request.path(), Instant::now());
        let answering = self.0.call(request);
        Box::pin(async move {
            let answer = answering.await;
            println!("  [server] {path} took {:?}", began.elapsed());
            answer
        })
    }
}

/// Lets a call pass if its metadata has the key. The handler of another does not run.
fn with_key(request: CallRequest) -> Result<CallRequest, Status> {
    match request.context().metadata().text("key") {
        Some("sesame") => Ok(request),
        _ => Err(Status::new(Code::Unauthenticated, Ran::No, "no call without the key")),
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let (notes, mut kitchen) = mpsc::channel(8);
    let server = Server::builder()
        .service(OvenServer::new(Kitchen(notes)))
        .layer(FilterLayer::new(with_key))
        .layer(layer_fn(Timing)) // added last, so it is outermost and sees refused calls too
        .limits(Limits::default().with_max_in_flight(2))
        .listen("mem://oven")
        .start()
        .await?;
    let client = Client::connect("mem://oven").await?;
    let oven = OvenClient::new(&client);
    let key = || Metadata::new().with("key", "sesame");

    println!("A call without the key, and one with it:");
    let refused = oven.degrees().await;
    println!("  {refused:?}");
    assert!(matches!(&refused, Err(CallError::Status(status)) if status.code() == Code::Unauthenticated));
    assert_eq!(oven.degrees().with_metadata(key()).await?, 180);

    println!("A deadline that passes; it travels with the call, and the handler learns of it:");
    let late = oven.bake().with_metadata(key()).with_timeout(Duration::from_millis(50)).await;
    println!("  {late:?}");
    assert!(matches!(&late, Err(CallError::Status(status)) if status.code() == Code::DeadlineExceeded));
    assert_eq!((kitchen.recv().await, kitchen.recv().await), (Some("lit"), Some("put out")));
    // A call keeps its place until its handler has ended and the server has said so.
    while client.session().in_flight() > 0 {
        tokio::task::yield_now().await;
    }

    println!("Two calls in flight, which is this server's limit, and a third:");
    let one = tokio::spawn(oven.bake().with_metadata(key()).without_timeout().into_owned());
    let two = tokio::spawn(oven.bake().with_metadata(key()).without_timeout().into_owned());
    assert_eq!((kitchen.recv().await, kitchen.recv().await), (Some("lit"), Some("lit")));
    let third = oven.degrees().with_metadata(key()).await;
    println!("  {third:?}");
    assert!(third.is_err_and(|error| error.is_retryable()), "it did not run, so it may be tried again");

    println!("Dropping a call cancels it, and makes room:");
    one.abort();
    assert_eq!(kitchen.recv().await, Some("put out"));
    let degrees = loop {
        match oven.degrees().with_metadata(key()).await {
            Err(error) if error.is_retryable() => tokio::task::yield_now().await,
            answer => break answer?,
        }
    };
    assert_eq!(degrees, 180);
    two.abort();
    assert_eq!(kitchen.recv().await, Some("put out"));
    server.shutdown().await;
    Ok(())
}
