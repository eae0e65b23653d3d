//! Both halves as a file says: neither names a road, a codec or a limit.

use std::path::Path;

use linkspan::config::Config;

use crate::arguments::Call;
use crate::{Failure, call, development, serve};

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

pub async fn call(file: &Path, call: &Call) -> Result<(), Failure> {
    let mut config = overridden(read(file)?, call)?;
    if config.client_tls().is_none()
        && config.endpoint().is_some_and(|url| development::is_encrypted(&url.to_string()))
    {
        config = config.with_tls(development::client(None)?);
    }
    call::talk(config.connect().await?, call).await
}

/// `config` with what the command line says in its place.
fn overridden(config: Config, call: &Call) -> Result<Config, Failure> {
    let mut variables = Vec::new();
    if let Some(ca) = &call.ca {
        variables.push(("ARITH__CLIENT__TLS__CA", ca.clone().into_os_string()));
    }
    let endpoint = config.endpoint().cloned();
    if let (Some(codec), Some(endpoint)) = (&call.codec, endpoint) {
        let endpoint = endpoint.with_option("codec", codec);
        variables.push(("ARITH__CLIENT__ENDPOINT", endpoint.to_string().into()));
    }
    Ok(config.with_variables("ARITH", variables)?)
}

fn read(file: &Path) -> Result<Config, Failure> {
    Ok(Config::from_file(file)?.with_environment("LINKSPAN")?)
}
