//! Starts the calls of one connection, and keeps what one call leaves for the next.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Instant;

use super::lookout::{Neighbour, watched};
use super::slot::{Arguments, Ended};
use super::task::{Running, discard, poll_slot};
use super::{Answers, Context, HandlerSlot, Route, RunPolicy, Runner};
use crate::connection::{Headers, Incoming, Reply};
use crate::{Code, CodecIndex, DecodeLimits, Inbox, Metadata, Ran, Session, Status};

/// Where the calls of one connection run.
///
/// A handler is polled once in place. What it ran in is kept for the next call of its method, so that a call that ends in
/// place allocates nothing.
pub(crate) struct Handlers {
    runner: Arc<Runner>,
    session: Session,
    codec: CodecIndex,
    limits: DecodeLimits,
    /// The methods called last.
    places: Vec<Place>,
    /// The one called last, and the number of its path.
    recent: usize,
    recent_number: u64,
    /// Reads whose calls were started.
    turn: u64,
    /// What handlers of other connections must not delay.
    _neighbour: Neighbour,
}

/// What is kept of a method.
struct Place {
    route: Route,
    slot: Option<HandlerSlot>,
    context: Option<Context>,
    /// When a handler was last polled here.
    turn: u64,
}

impl Handlers {
    pub(crate) fn new(runner: Arc<Runner>, session: Session) -> Self {
        let (codec, limits) = (session.codec_index(), session.decode_limits());
        Self {
            runner,
            session,
            codec,
            limits,
            places: Vec::new(),
            recent: 0,
            recent_number: 0,
            turn: 0,
            _neighbour: Neighbour::new(),
        }
    }

    pub(crate) fn runner(&self) -> &Runner {
        &self.runner
    }

    /// Starts calls which `inbox` brought. The answers of those that ended at once are among `answers`; the others are
    /// answered later, by tasks. True if the work of this thread's worker was handed over.
    pub(crate) fn start(
        &mut self,
        calls: impl Iterator<Item = Incoming>,
        inbox: &Inbox,
        answers: &mut Answers,
        cx: &mut TaskContext<'_>,
    ) -> bool {
        self.turn += 1;
        let ((), fate) = watched(|| calls.for_each(|incoming| self.start_one(incoming, inbox, answers, cx)));
        if fate.held {
            let ran = self.places.iter().filter(|place| place.turn == self.turn);
            ran.for_each(|place| place.route.habit.suspect());
        }
        fate.handed_over
    }

    #[inline]
    fn start_one(
        &mut self,
        incoming: Incoming,
        inbox: &Inbox,
        answers: &mut Answers,
        cx: &mut TaskContext<'_>,
    ) {
        let Incoming { call, deadline, content, path_number, headers } = incoming;
        let started = self.find(path_number, || content.path(inbox)).and_then(|index| {
            let (codec, mut metadata) = match headers {
                None => (self.codec, Metadata::new()),
                Some(headers) => self.read(*headers)?,
            };
            let (bytes, shared) = (content.body(inbox), content.shared_body());
            let arguments = Arguments { codec, limits: self.limits, bytes, shared };
            self.run((call, index), (&arguments, &mut metadata, deadline), answers, cx)
        });
        if let Err(status) = started {
            answers.put(call, Box::new(Reply::failure(status)));
        }
    }

    fn read(&self, headers: Headers) -> Result<(CodecIndex, Metadata), Status> {
        let codec = headers.codec.map_or(Ok(self.codec), |name| self.runner.codec(&name))?;
        Ok((codec, headers.metadata))
    }

    /// The place of the method at a path, which is made if it was not called lately. A path that is known is valid.
    #[inline]
    fn find<'a>(&mut self, number: u64, path: impl FnOnce() -> &'a [u8]) -> Result<usize, Status> {
        if number != 0 && number == self.recent_number {
            return Ok(self.recent);
        }
        let index = self.find_other(path())?;
        self.recent_number = number;
        Ok(index)
    }

    /// The same, of another method than the last call's. Apart, so that what every call does is small enough to be inlined.
    #[inline(never)]
    fn find_other(&mut self, path: &[u8]) -> Result<usize, Status> {
        self.recent_number = 0;
        let is_at = |place: &Place| place.route.method.path.as_bytes() == path;
        if let Some(index) = self.places.iter().position(is_at) {
            self.recent = index;
            return Ok(index);
        }
        let place = Place { route: self.runner.find(path)?.clone(), slot: None, context: None, turn: 0 };
        if self.places.len() < MAX_PLACES {
            self.recent = self.places.len();
            self.places.reserve_exact(1); // most connections call few methods
            self.places.push(place);
        } else {
            self.recent = (self.recent + 1) % MAX_PLACES;
            if let Some(oldest) = self.places.get_mut(self.recent) {
                *oldest = place;
            }
        }
        Ok(self.recent)
    }

    fn run(
        &mut self,
        (call, index): (Option<u32>, usize),
        (arguments, metadata, deadline): (&Arguments<'_>, &mut Metadata, Option<Instant>),
        answers: &mut Answers,
        cx: &mut TaskContext<'_>,
    ) -> Result<(), Status> {
        let Some(place) = self.places.get_mut(index) else { return Ok(()) };
        let method = &place.route.method;
        if method.one_way != call.is_none() {
            let wrong = if method.one_way { "is one-way" } else { "is not one-way" };
            return Err(Status::new(Code::InvalidArgument, Ran::No, format!("{} {wrong}", method.path)));
        }
        let slot = place.slot.get_or_insert_with(|| self.runner.slot(&place.route));
        let context = Context::renew(&mut place.context, &self.session, metadata, deadline);
        let start = answers.begin(call);
        let habit = &place.route.habit;
        let at = (method.path, context);
        let (polled, intact) = match method.options.run {
            RunPolicy::InPlace => {
                place.turn = self.turn;
                habit.run(self.runner.threads(), || poll_slot(at, slot, Some(arguments), answers.body(), cx))
            }
            _ => (Poll::Pending, true),
        };
        match polled {
            Poll::Pending => {
                if let (Some(slot), Some(context)) = (place.slot.take(), place.context.take()) {
                    let (route, runner) = (&place.route, &*self.runner);
                    let running = match method.options.run {
                        RunPolicy::InPlace => Running::begun(route, runner, context, slot),
                        _ => Running::waiting(route, runner, context, slot, arguments.to_payload()),
                    };
                    self.runner.spawn(self.session.clone(), call, running);
                }
                return Ok(());
            }
            Poll::Ready(Ended::Written(outcome)) => {
                answers.put_written(call, (outcome, start), context.take_response_metadata());
            }
            Poll::Ready(Ended::Made(reply)) => {
                answers.forget(start);
                answers.put(call, reply);
            }
        }
        if !intact || slot.get_mut().size() > MAX_KEPT_SIZE {
            place.slot.take().into_iter().for_each(discard);
        }
        Ok(())
    }
}

impl Drop for Handlers {
    /// With the last place of a service its implementation may go, whose drop may panic: the connection ends in order.
    fn drop(&mut self) {
        let places = std::mem::take(&mut self.places);
        let _ = catch_unwind(AssertUnwindSafe(|| drop(places)));
    }
}

/// Methods whose places a connection keeps: more than one client usually calls in turn.
const MAX_PLACES: usize = 8;
/// Bytes of a place that is kept. With [`MAX_PLACES`], it bounds what a connection keeps.
const MAX_KEPT_SIZE: usize = 4096;
