//! Both halves as a file says: neither names a road, a codec or a limit.

use std::path::Path;

use linkspan::config::Config;

use crate::service::{Args, ArithClient};
use crate::{Failure, serve};

pub async fn serve(file: &Path) -> Result<(), Failure> {
    let config = read(file)?;
    serve::until_interrupted(config.server()?).await
}

pub async fn call(file: &Path, (a, b): (i64, i64)) -> Result<(), Failure> {
    let client = read(file)?.connect().await?;
    println!("{}", ArithClient::new(&client).mul(Args { a, b }).await?.c);
    client.close();
    client.closed().await;
    Ok(())
}

fn read(file: &Path) -> Result<Config, Failure> {
    Ok(Config::from_file(file)?.with_environment("LINKSPAN")?)
}
