//! The limits of one connection hold for what it reads, and for nothing else.

use linkspan::{CallError, Code, CodecSet, ErrorKind, Limits, Ran, Server, Stack, Standard};

use crate::live::{
    ANYWHERE, Levels, NestingClient, NestingServer, NewsEvent, NewsPush, connect, connect_within, levels,
    list, status, within_patience,
};

const CODECS: &[&str] = <Standard as Stack>::Codecs::NAMES;

#[tokio::test]
async fn a_server_reads_arguments_no_deeper_than_its_limits() {
    within_patience(async {
        let server = Server::builder()
            .limits(Limits::default().with_max_depth(8))
            .service(NestingServer::new(Levels))
            .listen(ANYWHERE)
            .start()
            .await
            .unwrap();
        for codec in CODECS {
            let client = connect(&server.endpoints()[0], codec).await;
            let stub = NestingClient::new(&client);
            let (fits, too_deep) = tokio::join!(stub.depth(list(8)), stub.depth(list(9)));
            assert_eq!(fits, Ok(8), "{codec}");
            let status = status(too_deep);
            assert_eq!((status.code(), status.ran()), (Code::InvalidArgument, Ran::No), "{status}");
            assert!(status.message().ends_with("nested deeper than 8 levels"), "{status}");
            // What it answers is the client's to limit.
            assert_eq!(stub.nested(20, 0).await.map(|list| levels(&list)), Ok(20), "{codec}");
        }
        server.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn a_client_reads_answers_and_errors_no_deeper_than_its_limits() {
    within_patience(async {
        let server =
            Server::builder().service(NestingServer::new(Levels)).listen(ANYWHERE).start().await.unwrap();
        for codec in CODECS {
            let limits = Limits::default().with_max_depth(8);
            let client = connect_within(&server.endpoints()[0], codec, limits).await;
            let stub = NestingClient::new(&client);
            for fails in [0, 1] {
                let (fits, too_deep) = tokio::join!(stub.nested(8, fails), stub.nested(9, fails));
                let (Ok(fits) | Err(CallError::Application(fits))) = fits else {
                    panic!("{codec}: {fits:?}")
                };
                assert_eq!(levels(&fits), 8, "{codec}");
                let status = status(too_deep);
                assert_eq!((status.code(), status.ran()), (Code::Internal, Ran::Yes), "{status}");
                assert!(status.message().ends_with("nested deeper than 8 levels"), "{status}");
            }
            assert_eq!(stub.depth(list(20)).await, Ok(20), "{codec}: what it sends is the server's to limit");
        }
        server.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn a_client_reads_notifications_no_deeper_than_its_limits() {
    within_patience(async {
        let server =
            Server::builder().service(NestingServer::new(Levels)).listen(ANYWHERE).start().await.unwrap();
        for codec in CODECS {
            let limits = Limits::default().with_max_depth(8);
            let client = connect_within(&server.endpoints()[0], codec, limits).await;
            let other = connect(&server.endpoints()[0], codec).await;
            for (client, max) in [(client, 8), (other, 64)] {
                let mut events = client.events::<NewsEvent>();
                let session = server.sessions().find(client.session().id()).unwrap();
                for depth in [8, 9, 64, 65, 1] {
                    NewsPush::new(&session).heard(list(depth)).await.unwrap();
                    match events.next().await.unwrap() {
                        Ok(NewsEvent::Heard { list }) => {
                            assert_eq!((levels(&list), depth <= max), (depth, true))
                        }
                        Ok(other) => panic!("{other:?}"),
                        Err(error) => {
                            assert_eq!((error.kind(), depth > max), (ErrorKind::Decode, true), "{depth}")
                        }
                    }
                }
            }
        }
        server.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn a_server_takes_no_more_memory_ahead_of_data_than_its_limits() {
    within_patience(async {
        let server = Server::builder()
            .limits(Limits::default().with_max_reserve_len(10))
            .service(NestingServer::new(Levels))
            .listen(ANYWHERE)
            .start()
            .await
            .unwrap();
        // Units take no bytes in Postcard: one is paid for by the length's byte, the others by the limit.
        let client = connect(&server.endpoints()[0], "postcard").await;
        let stub = NestingClient::new(&client);
        let (fits, too_many) = tokio::join!(stub.count(vec![(); 11]), stub.count(vec![(); 12]));
        assert_eq!(fits, Ok(11));
        let status = status(too_many);
        assert_eq!((status.code(), status.ran()), (Code::InvalidArgument, Ran::No), "{status}");
        assert!(status.message().ends_with("more elements than the input has bytes for"), "{status}");
        server.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn limits_out_of_range_are_refused_with_the_range() {
    for (limits, why) in [
        (Limits::default().with_max_depth(0), "max_depth is 0; it must be 1 to 64"),
        (Limits::default().with_max_depth(65), "max_depth is 65; it must be 1 to 64"),
        (
            Limits::default().with_max_reserve_len(1 << 21),
            "max_reserve_len is 2097152; it must be 0 to 1048576",
        ),
    ] {
        let error = Server::builder().limits(limits).listen(ANYWHERE).start().await.map(drop).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Configuration, why));
    }
}
