//! Which service serves which path.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::habit::Habit;
use super::{Context, HandlerSlot, Handling, MethodDescription, Payload, Service};
use crate::connection::Reply;
use crate::{Code, Error, Ran, Status};

/// Methods by `Service/Method`. Fixed once a server runs. Ordered, since a few comparisons cost less than a hash.
#[derive(Clone, Debug, Default)]
pub(crate) struct Router(BTreeMap<&'static [u8], Route>);

/// A method and whose it is.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    service: Arc<dyn Service>,
    index: usize,
    pub(crate) method: MethodDescription,
    pub(super) habit: Habit,
}

impl Route {
    pub(crate) fn slot(&self) -> HandlerSlot {
        self.service.slot(self.index).unwrap_or_else(|| HandlerSlot::boxing(self.service.clone(), self.index))
    }

    pub(crate) fn call(&self, context: Context, payload: Payload) -> Handling {
        self.service.clone().call(self.index, context, payload)
    }
}

impl Router {
    /// Adds every method of `service`.
    ///
    /// # Errors
    /// `Configuration` if a path is taken.
    pub(crate) fn add(&mut self, service: &Arc<dyn Service>) -> Result<(), Error> {
        for (index, method) in service.methods().iter().enumerate() {
            let route = Route { service: service.clone(), index, method: *method, habit: Habit::default() };
            if self.0.insert(method.path.as_bytes(), route).is_some() {
                return Err(Error::configuration(format!("two methods are called {}", method.path)));
            }
        }
        Ok(())
    }

    pub(crate) fn find(&self, path: &[u8]) -> Result<&Route, Status> {
        match self.0.get(path) {
            Some(route) => Ok(route),
            None => {
                let wanted = service_of(path);
                let known = self.0.keys().any(|known| service_of(known) == wanted);
                let missing = if known { "method" } else { "service" };
                Err(Status::new(
                    Code::Unimplemented,
                    Ran::No,
                    format!("no such {missing}: {}", String::from_utf8_lossy(path)),
                ))
            }
        }
    }

    pub(crate) fn call(&self, path: &str, context: Context, payload: Payload) -> Handling {
        match self.0.get(path.as_bytes()) {
            Some(route) => route.call(context, payload),
            None => {
                let status = Status::new(Code::Unimplemented, Ran::No, format!("no such method: {path}"));
                Box::pin(std::future::ready(Reply::failure(status)))
            }
        }
    }
}

fn service_of(path: &[u8]) -> Option<&[u8]> {
    path.split(|byte| *byte == b'/').next()
}
