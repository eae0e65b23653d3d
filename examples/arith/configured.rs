//! Both halves as a file says: neither names a road, a codec or a limit.

use std::path::Path;

use linkspan::config::Config;

use crate::service::{Args, ArithClient};
use crate::{Failure, development, serve};

pub async fn serve(file: &Path) -> Result<(), Failure> {
    let mut config = read(file)?;
    if config.server_tls().is_none()
        && config.listen().iter().any(|url| development::is_encrypted(&url.to_string()))
    {
        println!("no [server.tls] in the file; certificate authority: {}", development::CA_FILE);
        config = config.with_tls(development::server()?);
    }
    serve::until_interrupted(config.server()?).await
}

pub async fn call(file: &Path, (a, b): (i64, i64)) -> Result<(), Failure> {
    let mut config = read(file)?;
    if config.client_tls().is_none()
        && config.endpoint().is_some_and(|url| development::is_encrypted(&url.to_string()))
    {
        config = config.with_tls(development::client(None)?);
    }
    let client = config.connect().await?;
    println!("{}", ArithClient::new(&client).mul(Args { a, b }).await?.c);
    client.close();
    client.closed().await;
    Ok(())
}

fn read(file: &Path) -> Result<Config, Failure> {
    Ok(Config::from_file(file)?.with_environment("LINKSPAN")?)
}
