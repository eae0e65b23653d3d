//! The loop that does IO between a link and a session's connection, and decides nothing.

mod desk;
mod flush;
mod greet;
mod herd;
mod patience;
mod readers;
mod rousing;
mod standing;

use crate::clock::now;
use desk::Desk;
use flush::flush_patiently;
pub(crate) use flush::wind_down;
pub(crate) use greet::{Greeted, Ungreeted, greet};
use herd::Herd;
use rousing::Rousing;
use standing::{Sent, Standing, hand_on, settle};

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::task::coop::has_budget_remaining;
use tokio::time::{Sleep, timeout};

use crate::connection::{Arrivals, Events, close_for};
use crate::service::{Handlers, Runner};
use crate::session::{State, tell};
use crate::transport::Pipe;
use crate::{Batch, Close, CloseCode, Error, ErrorKind, Session};

/// Where notifications go. They never wait there: a full buffer drops its oldest.
pub(crate) trait Deliver: Send + Sync {
    /// Takes all that one read brought, in order. Whom to wake it adds to `wakers`, for it is called under the session's
    /// lock. Returns the crowd.
    fn deliver(&self, received: &mut Arrivals, wakers: &mut Vec<Waker>) -> usize;

    /// How many wait in the fullest of the buffers that are more than half full and have readers; zero without any.
    fn crowd(&self) -> usize;
}

/// Drives one link. A future that ends when the connection has, with the reason.
///
/// In this order in memory: what every wake looks at lies in the first lines of the cache, since of a thousand links none has
/// any left there.
#[repr(C, align(64))]
pub(crate) struct Driver {
    pipe: Box<dyn Pipe>,
    session: Session,
    /// While something lies on it that is not done with: the link takes no more, the handshake brought it, or the driver yielded
    /// before it was sent.
    desk: Option<Box<Desk>>,
    /// When the sleep wakes us: as long as that is early enough, it need not be looked at.
    armed: Option<Instant>,
    /// Tells wakes by the pipe from those by callers.
    rousing: Rousing,
    standing: Standing,
    deliver: Arc<dyn Deliver>,
    sleep: Pin<Box<Sleep>>,
    /// Callers to wake together.
    herd: Herd,
    handlers: Handlers,
}

impl Driver {
    /// Boxed, since it lives as long as its link: the tasks that make it and run it hold no room for it besides.
    pub(crate) fn new(
        (pipe, events): (Box<dyn Pipe>, Events),
        session: Session,
        runner: Arc<Runner>,
        deliver: Arc<dyn Deliver>,
    ) -> Box<Self> {
        Box::new(Self {
            pipe,
            handlers: Handlers::new(runner, session.clone()),
            session,
            deliver,
            desk: Desk::holding(events),
            sleep: Box::pin(tokio::time::sleep(Duration::ZERO)),
            rousing: Rousing::default(),
            armed: None,
            standing: Standing::default(),
            herd: Herd::default(),
        })
    }

    /// Drives the link to its end, then winds it down: what is queued goes out, the peer sees the close.
    ///
    /// A connection that the application closed has [`Limits::drain_timeout`](crate::Limits::drain_timeout), as long as
    /// the peer takes something within [`Limits::write_timeout`](crate::Limits::write_timeout) and the server is not gone.
    /// Any other has a second.
    ///
    /// # Cancel safety
    /// Dropping it drops the link; the session must then be closed by whoever drops it.
    pub(crate) async fn run(mut self: Box<Self>) -> Close {
        let close = poll_fn(|cx| self.poll(cx)).await;
        // Boxed, since the task of an idle connection would hold its room.
        Box::pin(self.finish(&close)).await;
        close
    }

    /// Winds down what [`run`](Self::run) drove to its end.
    async fn finish(&mut self, close: &Close) {
        let patience = self.session.lock().patience_at_end();
        let batch = &mut self.desk.get_or_insert_default().batch;
        if let Some((patience, most)) = patience {
            let ended = self.handlers.runner().ended();
            tokio::select! {
                biased;
                _ = timeout(most, flush_patiently(&mut *self.pipe, batch, patience)) => {}
                () = ended => {}
            }
        }
        let _ = timeout(LINGER, wind_down(&mut *self.pipe, batch, close)).await;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Close> {
        let mut desk = match self.desk.take() {
            None => Desk::take(),
            Some(mut desk) => {
                if !desk.events.is_empty() {
                    self.dispatch(&mut desk, cx); // what came with the hello
                }
                desk
            }
        };
        let polled = self.poll_at(&mut desk, cx);
        self.standing.handed_over = false; // whoever polls next is a worker
        self.desk = desk.leave();
        polled
    }

    fn poll_at(&mut self, desk: &mut Desk, cx: &mut Context<'_>) -> Poll<Close> {
        if self.yields() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.rousing.follow(cx.waker()) {
            self.armed = None;
        }
        // Read before the lock is taken, which then serves for all of this wake; but whoever is given way to goes first, and so
        // does what the link may take now.
        let waits = self.standing.patience.is_giving_way() || self.standing.sending;
        let read = if waits { Ok(false) } else { self.read(desk) };
        let (mut received, mut failed) = read.map_or_else(|error| (false, Some(error)), |read| (read, None));
        let Some(mut closed) = self.begin(desk, received, cx) else {
            return failed.map_or(Poll::Pending, |error| Poll::Ready(self.lost(desk, &error)));
        };
        for _ in 0..ROUNDS {
            if received {
                failed = self.receive_more(desk, cx).err();
                if failed.is_none() && self.yields() {
                    break;
                }
            }
            if std::mem::take(&mut self.standing.to_fill) {
                closed = fill(self.session.lock(), &mut desk.batch, &mut desk.events);
                wake(&mut desk.events.wakers);
            }
            let lost = self.send(desk).err().or(failed.take().filter(|_| closed.is_none()));
            if let Some(error) = lost {
                return Poll::Ready(self.lost(desk, &error));
            }
            if let Some(close) = closed {
                self.dispatch(desk, cx);
                return Poll::Ready(close);
            }
            received = match self.receive(desk, cx) {
                Err(error) => return Poll::Ready(self.lost(desk, &error)),
                Ok(false) if self.park(desk, cx) => return Poll::Pending,
                Ok(received) => received,
            };
            self.standing.to_fill |= !received;
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// True if it is to go on later: after the readers, or as a worker again.
    fn yields(&mut self) -> bool {
        self.standing.readers.have_turn(&*self.deliver) || self.standing.handed_over
    }

    /// Looks at the clock, once per wake, does what time asks for, takes what was `read` and what must go out. Returns what
    /// [`fill`] does.
    ///
    /// None if this wake is given away: others are about to call, so we go behind them, that one write may carry them all.
    #[expect(
        clippy::option_option,
        reason = "the outer one says that there is nothing to do now, the inner one why all ended"
    )]
    fn begin(&mut self, desk: &mut Desk, read: bool, cx: &mut Context<'_>) -> Option<Option<Close>> {
        let mut state = self.session.lock();
        let nudged = state.take_nudge();
        let now = if nudged { state.now() } else { now() }; // whoever woke us may have looked just before
        self.standing.borrows = nudged;
        state.set_clock(now);
        let calls = || (state.connection.calls_begun(), state.connection.is_busy());
        let gives_way = self.standing.patience.gives_way(nudged, calls, now);
        if !gives_way {
            // While it was parked, the sleep told what is due.
            let may_be_due =
                !std::mem::take(&mut self.standing.parked) || self.armed.is_none_or(|at| at <= now);
            if may_be_due && state.connection.poll_timeout().is_some_and(|due| due <= now) {
                state.connection.handle_timeout(now, &mut desk.events);
            }
        }
        let has_output = state.connection.has_output();
        if read {
            self.standing.take(&mut state, desk, &*self.deliver);
        }
        if gives_way {
            drop(state);
            if read {
                self.hand_on_read(desk, cx);
            }
            self.standing.patience.give_way(cx, now);
            return None;
        }
        // What this read made leave is sent with what further ones do.
        let gathers = read && !has_output && self.standing.gathers;
        self.standing.to_fill = gathers;
        let closed = if gathers {
            drop(state);
            None
        } else {
            fill(state, &mut desk.batch, &mut desk.events)
        };
        if read {
            self.hand_on_read(desk, cx);
        } else {
            wake(&mut desk.events.wakers);
        }
        Some(closed)
    }

    fn send(&mut self, desk: &mut Desk) -> Result<(), Error> {
        if desk.batch.is_empty() && !self.standing.sending {
            return Ok(());
        }
        let before = desk.batch.len();
        let cx = &mut self.rousing.context();
        let polled = self.pipe.poll_send(cx, &mut desk.batch);
        let progressed = desk.batch.take_progress() | (desk.batch.len() < before);
        self.standing.sending = match polled {
            Poll::Ready(result) => {
                result?;
                false
            }
            Poll::Pending => true,
        };
        let remaining = if self.standing.sending { desk.batch.len().max(1) } else { 0 };
        self.standing.sent = Some(Sent { progressed, remaining });
        Ok(())
    }

    /// Reads once. False if nothing came.
    fn read(&mut self, desk: &mut Desk) -> Result<bool, Error> {
        if !self.rousing.has_news() {
            return Ok(false);
        }
        match self.pipe.poll_recv(&mut self.rousing.context(), &mut desk.inbox) {
            Poll::Pending => Ok(false),
            Poll::Ready(more) => {
                self.rousing.expect_more();
                if more? {
                    Ok(true)
                } else {
                    Err(Error::new(ErrorKind::Closed, "peer ended the link without a close"))
                }
            }
        }
    }

    /// Takes what one read brought. False if nothing came.
    fn receive(&mut self, desk: &mut Desk, cx: &mut Context<'_>) -> Result<bool, Error> {
        let read = self.read(desk)?;
        if read {
            self.standing.take(&mut self.session.lock(), desk, &*self.deliver);
            self.hand_on_read(desk, cx);
        }
        Ok(read)
    }

    /// Reads on while that makes large bodies leave which one write may carry.
    fn receive_more(&mut self, desk: &mut Desk, cx: &mut Context<'_>) -> Result<(), Error> {
        for _ in 1..READS {
            if !self.standing.gathers || self.standing.handed_over || !self.receive(desk, cx)? {
                break;
            }
        }
        Ok(())
    }

    /// Hands on what a read brought, while the inbox has what the requests brought.
    fn hand_on_read(&mut self, desk: &mut Desk, cx: &mut Context<'_>) {
        self.dispatch(desk, cx);
        desk.inbox.clear();
    }

    /// Hands on what the connection reported. No lock is held while handlers run.
    fn dispatch(&mut self, desk: &mut Desk, cx: &mut Context<'_>) {
        hand_on(&*self.deliver, &mut desk.events);
        if std::mem::take(&mut self.standing.herded) || desk.events.wakers.len() > FEW {
            self.herd.wake(&mut desk.events.wakers);
        } else {
            wake(&mut desk.events.wakers);
        }
        if desk.events.requests.is_empty() && desk.events.cancelled.is_empty() {
            return;
        }
        let answers = &mut desk.answers;
        self.standing.handed_over |=
            self.handlers.start(desk.events.requests.drain(..), &desk.inbox, answers, cx);
        if !answers.is_empty() || !desk.events.cancelled.is_empty() {
            let mut state = self.session.lock();
            answers.send(&mut state.connection);
            // One-way calls are not answered, so that nothing is sent that would wake them.
            if state.has_drain_waiters() && state.connection.serving() == 0 {
                state.move_drain_waiters(&mut desk.events.wakers);
            }
            self.standing.gathers = state.connection.gathers_bulk();
            self.standing.to_fill = if self.standing.gathers {
                drop(state);
                true
            } else {
                fill(state, &mut desk.batch, &mut desk.events).is_some()
            };
            wake(&mut desk.events.wakers);
        }
        answers.clear();
    }

    /// True if there is nothing to do until somebody wakes us.
    fn park(&mut self, desk: &mut Desk, cx: &mut Context<'_>) -> bool {
        let mut state = self.session.lock();
        settle(&mut state, &mut self.standing.sent, &mut desk.events);
        let (now, due) = (state.now(), state.connection.poll_timeout());
        let parks =
            state.connection.closed().is_none() && (self.standing.sending || !state.connection.has_output());
        if parks {
            state.park(cx.waker());
        }
        drop(state);
        wake(&mut desk.events.wakers);
        self.standing.parked = parks;
        match due {
            None => parks,
            Some(_) if !parks => false,
            Some(due) => self.sleeps(now, due, cx),
        }
    }

    /// True if the driver is woken at `due`, or before.
    fn sleeps(&mut self, now: Instant, due: Instant, cx: &mut Context<'_>) -> bool {
        if self.armed.is_some_and(|at| now < at && at <= due)
            && !(self.standing.borrows && self.sleep.is_elapsed())
        {
            return true;
        }
        // A sleep that ends early finds nothing due and begins anew: cheaper than moving it with every read.
        if due < self.sleep.deadline().into_std() || self.sleep.is_elapsed() {
            self.sleep.as_mut().reset(due.into());
        }
        // A task that has done much in one turn is told to come again, and is not woken by the sleep.
        let will_wake = has_budget_remaining();
        let sleeps = self.sleep.as_mut().poll(cx).is_pending();
        self.armed = (sleeps && will_wake).then(|| self.sleep.deadline().into_std());
        sleeps
    }

    fn lost(&mut self, desk: &mut Desk, error: &Error) -> Close {
        let close = match error.kind() {
            ErrorKind::Closed => Close::new(CloseCode::LOST, error.to_string()),
            _ => close_for(error),
        };
        let mut state = self.session.lock();
        if error.kind() != ErrorKind::Closed {
            state.connection.close(close.clone(), &mut desk.events);
            state.connection.poll_batch(&mut desk.batch);
        }
        state.connection.end(close.clone(), &mut desk.events);
        let close = state.connection.closed().cloned().unwrap_or(close);
        desk.events.wakers.extend(state.take_waiters());
        let cancelled = state.take_cancelled(&mut desk.events);
        drop(state);
        tell(cancelled);
        hand_on(&*self.deliver, &mut desk.events);
        desk.events.wakers.drain(..).for_each(Waker::wake);
        close
    }
}

/// Takes what must go out. Returns why the connection ended, once it has; whom to wake is among `events` then.
fn fill(mut state: MutexGuard<'_, State>, batch: &mut Batch, events: &mut Events) -> Option<Close> {
    if state.connection.has_output() {
        state.connection.poll_batch(batch);
    }
    let closed = state.connection.closed().cloned();
    if closed.is_some() {
        events.wakers.extend(state.take_waiters());
    }
    if events.cancelled.is_empty() {
        drop(state);
    } else {
        let cancelled = state.take_cancelled(events);
        drop(state);
        tell(cancelled);
    }
    closed
}

fn wake(wakers: &mut Vec<Waker>) {
    if !wakers.is_empty() {
        wakers.drain(..).for_each(Waker::wake);
    }
}

/// Tasks that are woken at once, whoever they are. Measured with 1,024 callers, woken together they were 14 % faster.
const FEW: usize = 128;
/// How long a closed link may take to wind down. Chosen as several round trips of a slow network.
const LINGER: Duration = Duration::from_secs(1);
/// Reads that one write may answer: about as many as bring what it takes of large bodies.
const READS: usize = 4;
/// Reads handled before other tasks get their turn.
const ROUNDS: usize = 16;
