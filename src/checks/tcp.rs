//! A TCP connection.

use tokio::net::TcpStream;

use super::outcome::Finding;

pub(super) async fn probe(address: &str) -> Finding {
    match TcpStream::connect(address).await {
        Ok(_) => Finding::good("connected"),
        Err(error) => Finding::bad(format!("cannot connect: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use crate::{
        checks::{Prober, prober::tests::check},
        platform::{Probe, Reading},
    };

    #[tokio::test]
    async fn a_listener_is_good_and_a_closed_port_is_bad() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let check = check(Probe::Tcp { address: listener.local_addr().unwrap().to_string() });
        let prober = Prober::new();
        assert_eq!(prober.probe(&check).await.result, Reading::Good);
        drop(listener);
        let outcome = prober.probe(&check).await;
        assert_eq!(outcome.result, Reading::Bad);
        assert!(outcome.detail.starts_with("cannot connect: Connection refused"), "{}", outcome.detail);
    }
}
