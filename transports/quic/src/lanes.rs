//! Which lane is which stream, in each direction.

mod receive;
mod send;
mod signal;

pub(crate) use receive::ReceiveLanes;
pub(crate) use send::SendLanes;
