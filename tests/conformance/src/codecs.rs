//! Which codec a pair speaks, with the types of its application forgotten: cases are compiled once, not once per codec.

use std::fmt::Debug;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use linkspan_core::typed::{Caller, Event, Method, NotificationRef, OneWayMethod};
use linkspan_core::{
    Client, CodecIndex, CodecSet, DecodeBy, DecodeLimits, EncodeBy, Endpoint, Error, Events, Gap, Limits,
    Metadata, Notification, Notifications, Push, Server, Session, Sessions, Transport,
};

use crate::guard::Guard;
use crate::hook::ConnectHook;
use crate::observer::{Observer, Seen};
use crate::service::{ECHO, KitService, RUN, RUN_NEVER, RUN_TOKEN, TELL, push_of};
use crate::stage::{Forward, Sabotage};
use crate::values::{Answer, Ask, Note, Refusal, Sample};

/// A codec set that can write every value of the kit. Implemented for all that can.
pub trait Speaks:
    EncodeBy<Ask>
    + DecodeBy<Ask>
    + EncodeBy<Answer>
    + DecodeBy<Answer>
    + EncodeBy<Note>
    + DecodeBy<Note>
    + EncodeBy<Refusal>
    + DecodeBy<Refusal>
    + EncodeBy<Sample>
    + DecodeBy<Sample>
    + EncodeBy<String>
    + DecodeBy<String>
{
}

impl<C> Speaks for C where
    C: EncodeBy<Ask>
        + DecodeBy<Ask>
        + EncodeBy<Answer>
        + DecodeBy<Answer>
        + EncodeBy<Note>
        + DecodeBy<Note>
        + EncodeBy<Refusal>
        + DecodeBy<Refusal>
        + EncodeBy<Sample>
        + DecodeBy<Sample>
        + EncodeBy<String>
        + DecodeBy<String>
{
}

pub(crate) type Eventually<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One codec of a set.
#[derive(Clone, Debug)]
pub struct CodecChoice {
    name: &'static str,
    methods: Methods,
    values: Values,
    application: Arc<dyn Application>,
}

/// The kit's methods, compiled for the set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Methods {
    pub(crate) run: Method<Ask, Answer, Refusal>,
    pub(crate) run_never: Method<Ask, Answer, Refusal>,
    pub(crate) run_token: Method<Ask, Answer, Refusal>,
    pub(crate) echo: Method<String, String, std::convert::Infallible>,
    pub(crate) tell: OneWayMethod<Ask>,
    /// [`RUN`] with arguments of another type.
    pub(crate) mistyped: Method<Note, Answer, Refusal>,
    pub(crate) no_method: Method<Ask, Answer, Refusal>,
    pub(crate) no_service: Method<Ask, Answer, Refusal>,
}

/// Values to bytes and back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Values {
    pub(crate) push: fn(Note) -> Push,
    pub(crate) read_note: fn(&Notification) -> Result<Note, Error>,
    pub(crate) index: CodecIndex,
    pub(crate) encode_ask: fn(CodecIndex, &Ask, &mut Vec<u8>) -> Result<(), Error>,
    pub(crate) encode_text: fn(CodecIndex, &String, &mut Vec<u8>) -> Result<(), Error>,
    pub(crate) encode_sample: fn(CodecIndex, &Sample, &mut Vec<u8>) -> Result<(), Error>,
    pub(crate) decode_sample: fn(CodecIndex, &[u8], DecodeLimits) -> Result<Sample, Error>,
}

impl CodecChoice {
    /// Every codec of the set `C`.
    pub fn all_of<C: Speaks>() -> Vec<Self> {
        C::NAMES.iter().filter_map(|name| Self::of::<C>(name)).collect()
    }

    /// The codec called `name` of the set `C`.
    pub fn of<C: Speaks>(name: &'static str) -> Option<Self> {
        let methods = Methods {
            run: Method::new::<C>(RUN),
            run_never: Method::new::<C>(RUN_NEVER),
            run_token: Method::new::<C>(RUN_TOKEN),
            echo: Method::infallible::<C>(ECHO),
            tell: OneWayMethod::new::<C>(TELL),
            mistyped: Method::new::<C>(RUN),
            no_method: Method::new::<C>("Kit/Missing"),
            no_service: Method::new::<C>("Missing/Run"),
        };
        let values = Values {
            push: push_of::<C>,
            read_note: |notification| notification.decode_body::<C, Note>(),
            index: C::find(name)?,
            encode_ask: <C as EncodeBy<Ask>>::encode,
            encode_text: <C as EncodeBy<String>>::encode,
            encode_sample: <C as EncodeBy<Sample>>::encode,
            decode_sample: <C as DecodeBy<Sample>>::decode,
        };
        let application = Arc::new(Of::<C>(PhantomData));
        Some(Self { name, methods, values, application })
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn methods(&self) -> &Methods {
        &self.methods
    }

    pub(crate) fn values(&self) -> &Values {
        &self.values
    }

    /// What travels when [`ECHO`] is called with `text`, or answers with it.
    pub(crate) fn text(&self, text: impl Into<String>) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        (self.values.encode_text)(self.values.index, &text.into(), &mut out)?;
        Ok(out)
    }

    /// What travels when the kit's service is asked for `ask`.
    pub(crate) fn ask(&self, ask: &Ask) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        (self.values.encode_ask)(self.values.index, ask, &mut out)?;
        Ok(out)
    }

    /// The same, with pushes made by `push`.
    pub(crate) fn with_push(mut self, push: fn(Note) -> Push) -> Self {
        self.values.push = push;
        self
    }

    pub(crate) fn application(&self) -> &dyn Application {
        &*self.application
    }
}

/// What is asked of a server.
pub(crate) struct Serve {
    pub(crate) url: String,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) limits: Limits,
    /// A layer around every call ends it as its metadata says.
    pub(crate) guarded: bool,
    pub(crate) observer: Observer,
    pub(crate) sabotage: Sabotage,
}

/// What is asked of a client.
pub(crate) struct Join {
    pub(crate) endpoint: Endpoint,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) limits: Limits,
    pub(crate) metadata: Metadata,
}

/// Makes servers and clients of one application.
pub(crate) trait Application: Debug + Send + Sync {
    fn serve(&self, serve: Serve) -> Eventually<'_, Result<Box<dyn AnyServer>, Error>>;
    fn join(&self, join: Join) -> Eventually<'_, Result<Arc<dyn AnyClient>, Error>>;
}

/// A server, whatever its codecs.
pub(crate) trait AnyServer: Debug + Send + Sync {
    fn endpoint(&self) -> Option<&Endpoint>;
    fn sessions(&self) -> Sessions;
    fn shutdown(&self) -> Eventually<'_, ()>;
}

/// A client, whatever its codecs.
pub(crate) trait AnyClient: Debug + Send + Sync {
    fn caller(&self) -> Caller;
    fn session(&self) -> &Session;
    fn close(&self);
    fn notifications(&self) -> Notifications;
    fn notes(&self) -> Events<Noted>;
}

/// A note as the typed stream brings it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Noted {
    Gap(Gap),
    Note(Note),
}

impl<C: Speaks> Event<C> for Noted {
    const SERVICE: &'static str = "Kit";

    fn decode(notification: &NotificationRef<'_>) -> Result<Self, Error> {
        notification.decode_body::<C, Note>().map(Self::Note)
    }

    fn gap(gap: Gap) -> Self {
        Self::Gap(gap)
    }
}

struct Of<C>(PhantomData<fn() -> C>);

impl<C: CodecSet> Debug for Of<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Of").field(&C::NAMES).finish()
    }
}

impl<C: Speaks> Application for Of<C> {
    fn serve(&self, serve: Serve) -> Eventually<'_, Result<Box<dyn AnyServer>, Error>> {
        Box::pin(async move {
            let Serve { url, transport, limits, guarded, observer, sabotage } = serve;
            let (hook, closed) = (ConnectHook::new::<C>(&observer, &sabotage), observer.clone());
            let service = KitService::<C> { observer, alter: sabotage.service, stack: PhantomData };
            let builder = Server::<C>::builder();
            let builder = if guarded { builder.layer(Guard) } else { builder };
            let server = builder
                .transport(Forward(transport))
                .limits(limits)
                .listen(url)
                .service(service)
                .on_connect(move |session| hook.clone().admit(session))
                .on_close(move |session, close| {
                    for _ in 0..sabotage.close_hooks {
                        closed.record(Seen::Closed(session.id(), close.clone()));
                    }
                })
                .start()
                .await?;
            Ok(Box::new(server) as Box<dyn AnyServer>)
        })
    }

    fn join(&self, join: Join) -> Eventually<'_, Result<Arc<dyn AnyClient>, Error>> {
        Box::pin(async move {
            let Join { endpoint, transport, limits, metadata } = join;
            let builder = Client::<C>::builder().transport(Forward(transport));
            let client = builder.limits(limits).metadata(metadata).connect(&endpoint.to_string()).await?;
            Ok(Arc::new(client) as Arc<dyn AnyClient>)
        })
    }
}

impl<C: Speaks> AnyServer for Server<C> {
    fn endpoint(&self) -> Option<&Endpoint> {
        self.endpoints().first()
    }

    fn sessions(&self) -> Sessions {
        Self::sessions(self)
    }

    fn shutdown(&self) -> Eventually<'_, ()> {
        Box::pin(Self::shutdown(self))
    }
}

impl<C: Speaks> AnyClient for Client<C> {
    fn caller(&self) -> Caller {
        Self::caller(self)
    }

    fn session(&self) -> &Session {
        Self::session(self)
    }

    fn close(&self) {
        Self::close(self);
    }

    fn notifications(&self) -> Notifications {
        Self::notifications(self)
    }

    fn notes(&self) -> Events<Noted> {
        self.events::<Noted>()
    }
}
