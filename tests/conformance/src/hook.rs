//! The kit's connect hook: does what the hello's metadata says.

use std::sync::Arc;

use linkspan_core::{Push, PushSink, Session};
use tokio::sync::Mutex;

use crate::codecs::Speaks;
use crate::observer::{Observer, Seen};
use crate::service::push_of;
use crate::stage::{ConnectHooks, Sabotage};
use crate::values::Note;

/// The hook of one server.
#[derive(Clone)]
pub(crate) struct ConnectHook {
    observer: Observer,
    push: fn(Note) -> Push,
    mode: ConnectHooks,
    turn: Arc<Mutex<()>>,
}

impl ConnectHook {
    pub(crate) fn new<C: Speaks>(observer: &Observer, sabotage: &Sabotage) -> Self {
        let mode = sabotage.connect_hooks;
        Self { observer: observer.clone(), push: push_of::<C>, mode, turn: Arc::default() }
    }

    pub(crate) async fn admit(self, session: Session) -> Result<(), String> {
        let _turn = if self.mode == ConnectHooks::InTurn { Some(self.turn.lock().await) } else { None };
        let hello = session.hello_metadata();
        if let Some(reason) = hello.text(REFUSE) {
            return Err(reason.to_owned());
        }
        if hello.get(HOLD).is_some() {
            self.observer.record(Seen::Deciding(session.id()));
            self.observer.gate().await;
        }
        if hello.get(GREET).is_some() {
            let note = (self.push)(Note::new(0, 0, 16));
            session.push(note).await.map_err(|error| error.to_string())?;
        }
        let connected = Seen::Connected(session.id());
        if self.mode == ConnectHooks::Late {
            let observer = self.observer.clone();
            tokio::spawn(async move {
                observer.until(|log| log.iter().any(|seen| matches!(seen, Seen::Started(_)))).await;
                observer.record(connected);
            });
        } else {
            self.observer.record(connected);
        }
        Ok(())
    }
}

/// Header of a hello: the hook refuses with its value.
pub(crate) const REFUSE: &str = "refuse";
/// Header of a hello: the hook pushes a note.
pub(crate) const GREET: &str = "greet";
/// Header of a hello: the hook waits at the gate.
pub(crate) const HOLD: &str = "hold";
