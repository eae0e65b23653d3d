//! A connected client, and the notes it receives.

use std::sync::Arc;

use linkspan_core::typed::{Caller, Method};
use linkspan_core::{Call, Events, Notifications, OneWayCall, Session};

use crate::broken::Broken;
use crate::codecs::{AnyClient, CodecChoice, Methods, Noted};
use crate::values::{Answer, Ask, Note, Refusal};
use crate::waits::waiting;
use crate::watched::Tap;

/// A connected client. Cheap to clone; the last clone dropped closes it.
#[derive(Clone, Debug)]
pub struct Peer {
    client: Arc<dyn AnyClient>,
    caller: Caller,
    codec: CodecChoice,
    pub(crate) tap: Tap,
}

impl Peer {
    pub(crate) fn new(client: Arc<dyn AnyClient>, codec: CodecChoice, tap: Tap) -> Self {
        Self { caller: client.caller(), client, codec, tap }
    }

    /// A call whose handler is dropped when the call is.
    pub fn run(&self, ask: Ask) -> Call<'static, Ask, Answer, Refusal> {
        self.caller.call(&self.methods().run, ask).into_owned()
    }

    /// A call whose handler is told when the call is dropped.
    pub fn run_token(&self, ask: Ask) -> Call<'static, Ask, Answer, Refusal> {
        self.caller.call(&self.methods().run_token, ask).into_owned()
    }

    /// A call whose handler runs to its end.
    pub fn run_never(&self, ask: Ask) -> Call<'static, Ask, Answer, Refusal> {
        self.caller.call(&self.methods().run_never, ask).into_owned()
    }

    /// A call that is never answered.
    pub fn tell(&self, ask: Ask) -> OneWayCall<'static, Ask> {
        self.caller.one_way(&self.methods().tell, ask).into_owned()
    }

    /// A call that returns its argument.
    pub fn echo(&self, text: String) -> Call<'static, String, String, std::convert::Infallible> {
        self.caller.call(&self.methods().echo, text).into_owned()
    }

    /// A call of a method.
    pub(crate) fn call<A, R, E>(&self, method: Method<A, R, E>, args: A) -> Call<'static, A, R, E> {
        self.caller.call(&method, args).into_owned()
    }

    pub(crate) fn methods(&self) -> &Methods {
        self.codec.methods()
    }

    /// The server, as the client knows it.
    pub fn session(&self) -> &Session {
        self.client.session()
    }

    /// Closes from the client's side, as [`Client::close`](linkspan_core::Client::close).
    pub fn close(&self) {
        self.client.close();
    }

    /// What the server pushed and no typed stream takes.
    pub fn notifications(&self) -> Notifications {
        self.client.notifications()
    }

    /// What the server pushed, as the kit's notes.
    pub fn notes(&self) -> Notes {
        Notes { notifications: self.client.notifications(), codec: self.codec.clone() }
    }

    pub(crate) fn typed_notes(&self) -> Events<Noted> {
        self.client.notes()
    }
}

/// The notes that a client received and nobody read.
#[derive(Clone, Debug)]
pub struct Notes {
    notifications: Notifications,
    codec: CodecChoice,
}

impl Notes {
    /// Waits for the next note.
    ///
    /// # Errors
    /// A gap, the end, or a note that was changed on its way.
    pub async fn next(&mut self) -> Result<Note, Broken> {
        let _waiting = waiting(|| "the next note".to_owned());
        let next = self.next_or_end().await?;
        next.ok_or_else(|| Broken::new("the stream of notes ended"))
    }

    /// Waits for the next note, or `None` at the end.
    ///
    /// # Errors
    /// A gap, or a note that was changed on its way.
    pub async fn next_or_end(&mut self) -> Result<Option<Note>, Broken> {
        match self.notifications.next().await {
            None => Ok(None),
            Some(Err(gap)) => Err(Broken::new(format!("a gap in place of a note: {gap:?}"))),
            Some(Ok(notification)) => {
                let note = (self.codec.values().read_note)(&notification)?;
                if note.is_intact() {
                    Ok(Some(note))
                } else {
                    Err(Broken::new(format!("note {} of {} was changed", note.number, note.source)))
                }
            }
        }
    }

    /// The next note, if it is there already.
    ///
    /// # Errors
    /// As [`next`](Self::next), and if none is there.
    pub async fn at_hand(&mut self) -> Result<Note, Broken> {
        tokio::select! {
            biased;
            note = self.next() => note,
            () = std::future::ready(()) => Err(Broken::new("no note is there yet")),
        }
    }
}
