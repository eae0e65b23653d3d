//! The loop over TCP, with `TCP_NODELAY`.

use tokio::net::{TcpListener, TcpStream};

use super::{Client, answer};
use crate::Failure;

pub(crate) async fn serve() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (read, write) = stream.into_split();
        tokio::spawn(answer(read, write));
    }
}

pub(crate) async fn connect(address: &str) -> Result<Client, Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (read, write) = stream.into_split();
    Ok(Client::on_stream(read, write))
}
