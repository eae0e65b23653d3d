//! Plays a scenario and writes down what every observer saw.

use std::sync::Arc;

use linkspan_core::{CallError, PushSink, Session};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::script::{self, Act, Epoch, Script};
use super::trace::Trace;
use crate::broken::Broken;
use crate::observer::Seen;
use crate::pair::Pair;
use crate::peer::{Notes, Peer};
use crate::values::{Answer, Ask, Note, Refusal, Step};

/// Plays `script` on `pair`.
pub(super) async fn play(pair: &Pair, script: &Script) -> Result<Trace, Broken> {
    let mut trace = Trace::default();
    for epoch in &script.epochs {
        trace.append(play_epoch(pair, epoch).await?);
    }
    // Hooks and handlers of all epochs, now that the last has ended. The client that a pair begins with takes no part.
    let mut epochs = Vec::new();
    let first = pair.client.session().id();
    let hook = |epoch: usize| format!("hook of epoch {epoch}");
    for seen in pair.seen.log() {
        match seen {
            Seen::Connected(id) if id == first => {}
            Seen::Deciding(_) => {} // no scenario asks the hook to wait
            Seen::Connected(id) => {
                trace.add(hook(epochs.len()), "connected");
                epochs.push(id);
            }
            Seen::Closed(id, close) => {
                let epoch = epochs.iter().position(|known| *known == id);
                trace.add(epoch.map_or_else(|| "hook of nobody".to_owned(), hook), script::closed(&close));
            }
            Seen::Started(call) => trace.add(script::handler_of(call), "started"),
            Seen::Finished(call) => trace.add(script::handler_of(call), "finished"),
            Seen::Dropped(call) => trace.add(script::handler_of(call), "dropped"),
            Seen::Cancelled(call) => trace.add(script::handler_of(call), "cancelled"),
        }
    }
    Ok(trace)
}

async fn play_epoch(pair: &Pair, epoch: &Epoch) -> Result<Trace, Broken> {
    let client = pair.connect().await?;
    let session = pair.session_of(&client)?;
    let received = Arc::new(watch::Sender::new(0));
    let reading = tokio::spawn(read(client.notes(), received.clone()));
    let mut actors = JoinSet::new();
    for (number, acts) in (0u64..).zip(epoch.actors.clone()) {
        let actor = Actor {
            client: client.clone(),
            session: session.clone(),
            seen: pair.seen.clone(),
            push: pair.codec().values().push,
            source: epoch.source(number),
            calls: (0..acts.len() as u64).map(|index| epoch.call(number, index)).collect(),
            notes: 0,
        };
        actors.spawn(actor.play(acts));
    }
    let mut trace = Trace::default();
    while let Some(played) = actors.join_next().await {
        trace.append(played??);
    }
    let _ = received.subscribe().wait_for(|count| *count >= epoch.notes()).await;
    if epoch.closed_by_server {
        session.close(epoch.close.clone());
    } else {
        client.session().close(epoch.close.clone());
    }
    trace.add(epoch.client(), script::closed(&client.session().closed().await));
    pair.seen.saw_close(session.id()).await;
    trace.append(reading.await??);
    Ok(trace)
}

/// Reads notes to the end.
async fn read(mut notes: Notes, received: Arc<watch::Sender<u64>>) -> Result<Trace, Broken> {
    let mut trace = Trace::default();
    while let Some(note) = notes.next_or_end().await? {
        trace.add(script::reader(note.source), format!("note {}", note.number));
        received.send_modify(|count| *count += 1);
    }
    Ok(trace)
}

struct Actor {
    client: Peer,
    session: Session,
    seen: crate::observer::Observer,
    push: fn(Note) -> linkspan_core::Push,
    source: u32,
    /// The numbers of its calls.
    calls: Vec<u64>,
    /// How many notes it made.
    notes: u64,
}

impl Actor {
    async fn play(mut self, acts: Vec<Act>) -> Result<Trace, Broken> {
        let mut trace = Trace::default();
        for (call, act) in std::mem::take(&mut self.calls).into_iter().zip(acts) {
            if let Some(outcome) = self.act(call, &act).await? {
                trace.add(script::caller(call), outcome);
            }
            self.notes += u64::from(act.notes());
        }
        Ok(trace)
    }

    /// Does one act, and says what its caller saw, if it has one.
    async fn act(&self, call: u64, act: &Act) -> Result<Option<String>, Broken> {
        let ask = Ask::new(call);
        let push = |count, len| Step::Push { source: self.source, from: self.notes, count, len };
        Ok(match *act {
            Act::Call { len, yields } => {
                let ask = if yields { ask.then(Step::Yield) } else { ask };
                Some(outcome(call, self.client.run(ask.then(Step::Answer(len))).await))
            }
            Act::Cancel => {
                let calling = tokio::spawn(self.client.run(ask.then(Step::Hang)).without_timeout());
                self.seen.saw(Seen::Started(call)).await;
                calling.abort();
                self.seen.saw(Seen::Dropped(call)).await;
                None
            }
            Act::Fail { len } => {
                let ask = ask.with_text(Note::new(0, call, len).text).then(Step::Fail);
                Some(outcome(call, self.client.run(ask).await))
            }
            Act::Push { count, len } => {
                Some(outcome(call, self.client.run(ask.with_text("").then(push(count, len))).await))
            }
            Act::PushOutside { count, len } => {
                for number in self.notes..self.notes + u64::from(count) {
                    self.session.push((self.push)(Note::new(self.source, number, len))).await?;
                }
                None
            }
            Act::Tell { count, len } => {
                self.client.tell(ask.then(push(count, len))).await?;
                self.seen.saw(Seen::Finished(call)).await;
                None
            }
            Act::Unknown => Some(outcome(call, self.client.call(self.client.methods().no_method, ask).await)),
        })
    }
}

/// What a caller saw, and that it was not changed on its way.
fn outcome(call: u64, result: Result<Answer, CallError<Refusal>>) -> String {
    match result {
        Ok(answer) if is_text_of(call, &answer.text) => script::answered(answer.id, answer.text.len()),
        Ok(answer) => format!("a changed answer of {:#x}", answer.id),
        Err(CallError::Application(refusal)) if is_text_of(call, &refusal.why) => {
            script::refused(refusal.id, refusal.why.len())
        }
        Err(CallError::Application(refusal)) => format!("a changed refusal of {:#x}", refusal.id),
        Err(CallError::Status(status)) => format!("{} ({})", status.code(), status.ran()),
    }
}

fn is_text_of(call: u64, text: &str) -> bool {
    u32::try_from(text.len()).is_ok_and(|len| Note::new(0, call, len).text == text)
}
