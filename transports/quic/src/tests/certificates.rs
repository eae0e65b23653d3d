//! Who is trusted, and what an error says about it.

use std::error::Error as _;
use std::path::PathBuf;

use linkspan_core::ErrorKind;

use super::*;

/// A directory of its own for one test, removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("linkspan-quic-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The error of connecting `client` to a listening `server`.
async fn refused(server: &Quic, client: &Quic, name: &str) -> Result<Error, Error> {
    let mut listener = listen(server).await?;
    let endpoint = listener.endpoint().clone().with_option("server_name", name);
    let (connected, arrived) =
        tokio::join!(client.connect(&endpoint), async { listener.accept().await?.await });
    let arrived = arrived.unwrap_err();
    assert_eq!(arrived.kind(), ErrorKind::Certificate, "{arrived:?}");
    Ok(connected.unwrap_err())
}

#[test]
fn options_of_the_endpoint_name_certificate_key_and_issuer() {
    run(async {
        let directory = Directory::new("options");
        let (ca_file, cert, key) =
            (directory.file("ca.pem"), directory.file("cert.pem"), directory.file("key.pem"));
        let ca = DevelopmentCa::generate()?;
        ca.write_ca_pem(&ca_file)?;
        ca.issue_to_files(&["example.test"], &cert, &key)?;
        let endpoint: Endpoint = format!("quic://127.0.0.1:0?cert={cert}&key={key}").parse()?;
        let mut listener = Quic::new().listen(&endpoint).await?;
        assert_eq!(listener.endpoint().options().count(), 0);

        let endpoint = listener.endpoint().clone().with_option("ca", &ca_file);
        let endpoint = endpoint.with_option("server_name", "example.test");
        let client = Quic::new();
        let (connected, arrived) =
            tokio::join!(client.connect(&endpoint), async { listener.accept().await?.await });
        connected?;
        assert_eq!(arrived?.peer().tls().unwrap().server_name.as_deref(), Some("example.test"));
        Ok(())
    });
}

#[test]
fn a_host_name_is_found_behind_any_of_its_addresses() {
    run(async {
        let (server, client) = transports()?;
        let mut listener = listen(&server).await?;
        let port = listener.endpoint().port().unwrap();
        let endpoint: Endpoint = format!("quic://localhost:{port}").parse()?;
        let (connected, arrived) =
            tokio::join!(client.connect(&endpoint), async { listener.accept().await?.await });
        connected?;
        assert_eq!(arrived?.peer().tls().unwrap().server_name.as_deref(), Some("localhost"));
        Ok(())
    });
}

#[test]
fn without_a_certificate_the_error_names_the_option() {
    run(async {
        let listening = Quic::new().listen(&"quic://127.0.0.1:0".parse()?).await.unwrap_err();
        let half = Quic::new().listen(&"quic://127.0.0.1:0?cert=a".parse()?).await.unwrap_err();
        let missing = Quic::new().connect(&"quic://127.0.0.1:1?ca=/nowhere.pem".parse()?).await.unwrap_err();
        for (error, what) in
            [(listening, "?cert=FILE&key=FILE"), (half, "?cert=FILE&key=FILE"), (missing, "/nowhere.pem")]
        {
            assert_eq!(error.kind(), ErrorKind::Certificate);
            assert!(error.to_string().contains(what), "{error}");
        }
        Ok(())
    });
}

#[test]
fn an_issuer_not_trusted_is_a_certificate_error_with_its_cause() {
    run(async {
        let (server, _) = transports()?;
        let (_, stranger) = transports()?;
        let error = refused(&server, &stranger, "localhost").await?;
        assert_eq!(error.kind(), ErrorKind::Certificate);
        assert!(error.source().unwrap().to_string().contains("UnknownIssuer"), "{error:?}");
        Ok(())
    });
}

#[test]
fn another_name_is_a_certificate_error_with_its_cause() {
    run(async {
        let (server, client) = transports()?;
        let error = refused(&server, &client, "other.test").await?;
        assert_eq!(error.kind(), ErrorKind::Certificate);
        assert!(error.source().unwrap().to_string().contains("other.test"), "{error:?}");
        Ok(())
    });
}

#[test]
fn verification_is_skipped_only_where_it_was_asked_for() {
    run(async {
        let (server, _) = transports()?;
        let mut listener = listen(&server).await?;
        meet(&careless(), &mut listener).await?;

        let directory = Directory::new("skip");
        let file = directory.file("ca.pem");
        DevelopmentCa::generate()?.write_ca_pem(&file)?;
        let endpoint = listener.endpoint().clone().with_option("ca", &file);
        let client = careless();
        let (connected, _) =
            tokio::join!(client.connect(&endpoint), async { listener.accept().await?.await });
        assert_eq!(connected.unwrap_err().kind(), ErrorKind::Certificate);
        Ok(())
    });
}
