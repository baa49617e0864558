//! Drivers whose devices call us by HTTP.

use std::{marker::PhantomData, sync::Arc};

use jiff::tz::TimeZone;
use punchgate_kit::{About, Clock, Driver, HttpDriver, Intake, Simulator};
use punchgate_transports::http::{Router, client};
use tokio_util::sync::CancellationToken;

use super::{
    Kind, Running, SimPlace, Simulation, Surroundings,
    knobs::{knobs_of, read},
};
use crate::{
    config::{Device, KnownDriver, OptionsError},
    decode::{self, Decoded},
    supervisor::Unit,
};

/// A driver whose devices call us by HTTP.
pub(super) struct Called<S>(pub(super) PhantomData<fn() -> S>);

impl<S: Simulator> Kind for Called<S>
where
    S::Of: HttpDriver,
{
    fn about(&self) -> About {
        S::Of::ABOUT
    }

    fn known(&self) -> KnownDriver {
        KnownDriver::http::<S::Of>()
    }

    fn unit(&self, _: &Device, _: Surroundings) -> Result<Option<Unit>, OptionsError> {
        Ok(None)
    }

    fn admit(&self, device: &Device, router: &mut Router, intake: Intake) -> Result<(), OptionsError> {
        router.register::<S::Of>(device.name.clone(), device.options.read()?, intake);
        Ok(())
    }

    fn decode(&self, input: &[u8], options: toml::Table, zone: Option<&TimeZone>) -> Result<Decoded, toml::de::Error> {
        let options = decode_options(options);
        let request = punchgate_kit::http1::request_from_bytes(input);
        let options: <S::Of as Driver>::Options = read(options)?;
        Ok(decode::exchange::<S::Of>(&options, request, zone))
    }

    fn calls(&self) -> bool {
        true
    }

    fn simulate(
        &self,
        place: SimPlace,
        knobs: toml::Table,
        clock: Clock,
        closing: CancellationToken,
    ) -> Result<Simulation, toml::de::Error> {
        let simulator = Arc::new(S::new(knobs_of(&knobs)?));
        let ends = simulator.clone();
        let running: Running = match place {
            SimPlace::Caller(address) => {
                Box::pin(async move { client::simulate(&*simulator, address, clock, closing).await })
            }
            SimPlace::Listener(..) | SimPlace::Pty(_) => Box::pin(closing.cancelled_owned()),
        };
        Ok(Simulation::of(ends, running))
    }
}

/// Decoding shows a request whoever sent it: a token is none of its business.
fn decode_options(mut options: toml::Table) -> toml::Table {
    options.entry("token").or_insert_with(|| "unused".into());
    options
}
