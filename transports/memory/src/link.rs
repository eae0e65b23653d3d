//! A link: two queues, one per direction.

use std::sync::Arc;
use std::task::{Context, Poll};

use linkspan_core::{Batch, Capabilities, Close, Endpoint, Error, Inbox, Link, PeerInfo, Pipe};

use crate::queue::Queue;
use crate::{Chaos, Memory};

/// Both ends of a new link: the connecting one, and the accepting one.
pub(crate) fn pair(
    (client, client_at): (&Memory, &Endpoint),
    (server, server_at): (&Memory, &Endpoint),
) -> (Link, Link) {
    let to_server = server.chaos().or(client.chaos());
    let to_client = client.chaos().or(server.chaos());
    let shuffled = [to_server, to_client].iter().flatten().any(|chaos| chaos.shuffle_lanes);
    // One seed, two directions: each draws numbers of its own.
    let to_client = to_client.map(|chaos| Chaos { seed: !chaos.seed, ..chaos });
    let to_server = Arc::new(Queue::new(server.capacity(), to_server));
    let to_client = Arc::new(Queue::new(client.capacity(), to_client));

    let capabilities = Capabilities::byte_stream().with_independent_lanes(shuffled);
    let name = server_at.host().to_owned();
    let server_info = PeerInfo::new(server_at.clone()).with_addresses(name.clone(), None);
    let client_info = PeerInfo::new(client_at.clone()).with_addresses(None, name);
    let client_pipe = MemoryPipe { incoming: Arc::clone(&to_client), outgoing: Arc::clone(&to_server) };
    let server_pipe = MemoryPipe { incoming: to_server, outgoing: to_client };
    (
        Link::new(client_pipe, client_info.with_capabilities(capabilities)),
        Link::new(server_pipe, server_info.with_capabilities(capabilities)),
    )
}

#[derive(Debug)]
struct MemoryPipe {
    incoming: Arc<Queue>,
    outgoing: Arc<Queue>,
}

impl Pipe for MemoryPipe {
    fn poll_send(&mut self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<Result<(), Error>> {
        self.outgoing.poll_send(cx, batch)
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>, inbox: &mut Inbox) -> Poll<Result<bool, Error>> {
        let read = self.incoming.poll_recv(cx, inbox);
        if let Poll::Ready(Err(_)) = read {
            self.outgoing.cut(); // a link fails as a whole
        }
        read
    }

    fn poll_close(&mut self, _cx: &mut Context<'_>, _close: &Close) -> Poll<Result<(), Error>> {
        Poll::Ready(self.outgoing.end())
    }
}

impl Drop for MemoryPipe {
    fn drop(&mut self) {
        self.incoming.reader_left();
        self.outgoing.writer_left();
    }
}
