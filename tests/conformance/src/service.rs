//! The kit's service: handlers that do what their arguments say.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use linkspan_core::typed::{CancelPolicy, IntoService, MethodOptions, Service, ServiceTable, Shared};
use linkspan_core::{Context, Push, PushSink, Stack};

use crate::codecs::Speaks;
use crate::observer::{Life, Observer, Seen};
use crate::values::{Answer, Ask, Note, Refusal, Step};

pub(crate) const RUN: &str = "Kit/Run";
pub(crate) const RUN_NEVER: &str = "Kit/RunNever";
pub(crate) const RUN_TOKEN: &str = "Kit/RunToken";
pub(crate) const TELL: &str = "Kit/Tell";
pub(crate) const ECHO: &str = "Kit/Echo";
pub(crate) const NOTE: &str = "Kit/Note";

/// How a saboteur changes a service.
pub(crate) type Alter = fn(Arc<dyn Service>) -> Arc<dyn Service>;

/// The kit's service, for applications built with `K`.
pub(crate) struct KitService<K> {
    pub(crate) observer: Observer,
    pub(crate) alter: Option<Alter>,
    pub(crate) stack: PhantomData<fn() -> K>,
}

/// What handlers share.
struct Kit {
    observer: Observer,
    push: fn(Note) -> Push,
}

pub(crate) fn push_of<C: Speaks>(note: Note) -> Push {
    Push::typed::<C, Note>(NOTE, note)
}

impl<K: Stack> IntoService<K> for KitService<K>
where
    K::Codecs: Speaks,
{
    fn into_service(self) -> Arc<dyn Service> {
        let kit = Kit { observer: self.observer, push: push_of::<K::Codecs> };
        let mut table = ServiceTable::new("Kit", Arc::new(kit));
        let policies =
            [(RUN, CancelPolicy::Drop), (RUN_NEVER, CancelPolicy::Never), (RUN_TOKEN, CancelPolicy::Token)];
        for (path, policy) in policies {
            let options = MethodOptions::new().with_cancel(policy);
            table.unary::<K::Codecs, Ask, Answer, Refusal, _, _>(path, options, run);
        }
        let options = MethodOptions::new();
        table.infallible::<K::Codecs, String, String, _, _>(ECHO, options, |kit, _, text| async {
            (kit, text)
        });
        table.one_way::<K::Codecs, Ask, _, _>(TELL, options, |kit, context, ask| {
            let running = run(kit, context, ask);
            async move { (running.await.0, ()) }
        });
        let service = table.into_service();
        self.alter.map_or(service.clone(), |alter| alter(service))
    }
}

fn run(
    kit: Shared<Kit>,
    context: &Context,
    ask: Ask,
) -> impl Future<Output = (Shared<Kit>, Result<Answer, Refusal>)> + use<> {
    let context = context.clone();
    async move {
        let answer = kit.run(context, ask).await;
        (kit, answer)
    }
}

impl Kit {
    async fn run(&self, context: Context, ask: Ask) -> Result<Answer, Refusal> {
        let life = Life::begin(&self.observer, ask.id);
        let mut answer = Answer { id: ask.id, text: ask.text };
        for step in ask.steps {
            if step == Step::Fail {
                life.finish();
                return Err(Refusal { id: answer.id, why: answer.text });
            }
            self.step(&context, step, &mut answer).await;
        }
        life.finish();
        Ok(answer)
    }

    async fn step(&self, context: &Context, step: Step, answer: &mut Answer) {
        match step {
            Step::Answer(len) => answer.text = Note::new(0, answer.id, len).text,
            Step::AwaitCancel => {
                context.cancelled().await;
                self.observer.record(Seen::Cancelled(answer.id));
            }
            Step::Deadline => {
                let left = context.deadline().map(|deadline| deadline - now());
                answer.text = left.map_or(String::new(), |left| left.as_millis().to_string());
            }
            Step::Fail => {}
            Step::Flood(most) => answer.text = self.flood(context, most).await.to_string(),
            Step::Gate => self.observer.gate().await,
            Step::Hang => std::future::pending().await,
            Step::Headers => {
                for (key, value) in context.metadata().iter() {
                    context.add_response_metadata(key, value);
                }
            }
            // Without the panic hook: the panic is wanted, and its message would only hide others.
            Step::Panic => std::panic::resume_unwind(Box::new("asked to panic")),
            Step::Push { source, from, count, len } => {
                for number in from..from + u64::from(count) {
                    // Refused only if the client is gone, which then sees no answer either.
                    let _ = context.session().push((self.push)(Note::new(source, number, len))).await;
                }
            }
            Step::Relay => {
                let asked = Ask::new(answer.id).then(Step::Deadline);
                // Its own timeout is longer than any that a case gives, so that what it sees was inherited.
                let left = self.relay(asked, RELAY_TIMEOUT).await;
                answer.text.push_str(&format!(" {left}"));
            }
            Step::RelayHang(id) => {
                self.relay(Ask::new(id.into()).then(Step::Hang), RELAY_TIMEOUT).await;
            }
            Step::Yield => tokio::task::yield_now().await,
        }
    }

    /// What a call made inside a handler is answered, or why it is not.
    async fn relay(&self, ask: Ask, timeout: Duration) -> String {
        let Some(peer) = self.observer.relay() else { return "no relay".to_owned() };
        let answered = peer.run(ask).with_timeout(timeout).await;
        answered.map_or_else(|error| error.to_string(), |answer| answer.text)
    }

    /// Pushes until there is no room, and says how many were taken before.
    async fn flood(&self, context: &Context, most: u32) -> u32 {
        for taken in 0..most {
            let note = (self.push)(Note::new(FLOOD, taken.into(), FLOOD_LEN));
            if let Err(refused) = context.session().try_push(note) {
                let _ = context.session().push(refused.push).await;
                return taken;
            }
        }
        most
    }
}

#[expect(clippy::disallowed_methods, reason = "a handler has no other clock to hold its deadline against")]
fn now() -> std::time::Instant {
    tokio::time::Instant::now().into_std()
}

/// The source of the notes of [`Step::Flood`].
pub(crate) const FLOOD: u32 = 999;
/// Characters in the text of each.
pub(crate) const FLOOD_LEN: u32 = 64;
const RELAY_TIMEOUT: Duration = Duration::from_secs(600);
