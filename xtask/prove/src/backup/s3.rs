//! An S3 server on loopback.

use crate::moto::Moto;
use http_body_util::Full;
use std::path::Path;

const BUCKET: &str = "backups";

pub(super) struct Server {
    moto: Moto,
}

impl Server {
    pub(super) async fn start(gateway: &Path) -> Result<Self, String> {
        let moto = Moto::start(gateway).await?;
        let request = hyper::Request::put(format!("/{BUCKET}"))
            .header("host", moto.address.to_string())
            .body(Full::default())
            .map_err(|e| e.to_string())?;
        let made = moto.ask(request).await;
        made.map_err(|e| format!("it makes no bucket: {e}"))?;
        Ok(Self { moto })
    }

    pub(super) fn place(&self) -> String {
        format!("s3://{BUCKET}/tradewind")
    }

    /// By which it is found.
    pub(super) fn environment(&self) -> Vec<(&'static str, String)> {
        let endpoint = format!("http://{}", self.moto.address);
        vec![
            ("AWS_ENDPOINT_URL_S3", endpoint),
            ("AWS_ALLOW_HTTP", "true".into()),
            ("AWS_REGION", "us-east-1".into()),
            ("AWS_ACCESS_KEY_ID", "test".into()),
            ("AWS_SECRET_ACCESS_KEY", "test".into()),
        ]
    }
}
