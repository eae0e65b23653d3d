//! Which service serves which path.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Context, Handling, MethodDescription, Payload, Service};
use crate::connection::Reply;
use crate::{Code, Error, Ran, Status};

/// Methods by `Service/Method`. Fixed once a server runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Router(HashMap<&'static str, Route>);

#[derive(Clone, Debug)]
struct Route {
    service: Arc<dyn Service>,
    index: usize,
    method: MethodDescription,
}

impl Router {
    /// Adds every method of `service`.
    ///
    /// # Errors
    /// `Configuration` if a path is taken.
    pub(crate) fn add(&mut self, service: &Arc<dyn Service>) -> Result<(), Error> {
        for (index, method) in service.methods().iter().enumerate() {
            let route = Route { service: service.clone(), index, method: *method };
            if self.0.insert(method.path, route).is_some() {
                return Err(Error::configuration(format!("two methods are called {}", method.path)));
            }
        }
        Ok(())
    }

    pub(crate) fn find(&self, path: &str) -> Result<&MethodDescription, Status> {
        match self.0.get(path) {
            Some(route) => Ok(&route.method),
            None => {
                let service = path.split('/').next().unwrap_or_default();
                let known = self.0.keys().any(|known| known.split('/').next() == Some(service));
                let missing = if known { "method" } else { "service" };
                Err(Status::new(Code::Unimplemented, Ran::No, format!("no such {missing}: {path}")))
            }
        }
    }

    pub(crate) fn call(&self, path: &str, context: Context, payload: Payload) -> Handling {
        match self.0.get(path) {
            Some(route) => route.service.clone().call(route.index, context, payload),
            None => {
                let status = Status::new(Code::Unimplemented, Ran::No, format!("no such method: {path}"));
                Box::pin(std::future::ready(Reply::failure(status)))
            }
        }
    }
}
