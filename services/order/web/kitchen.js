// The merchant's page: its queue, live, with everything that a kitchen does about an order.

import { render } from "/static/vendor/preact.module.js";
import { useEffect, useRef, useState } from "/static/vendor/preact-hooks.module.js";
import { PlatformClock } from "/static/clock.js";
import { number, startLanguage, t } from "/static/i18n.js";
import { LiveStream } from "/static/live.js";
import {
  Brand,
  Freshness,
  LanguageSwitch,
  StaleBanner,
  ThemeSwitch,
  applyTheme,
  html,
  shortId,
  useTick,
} from "/static/parts.js";
import { token } from "/static/session.js";
import { ring, setSound, soundWanted } from "./kitchen-bell.js";
import { Card } from "./kitchen-card.js";
import { LANES, lanes, lateCount, newOnes, withEvent, withOrder } from "./kitchen-orders.js";
import { Stock, Taking } from "./kitchen-shop.js";

const clock = new PlatformClock();
const merchantId = decodeURIComponent(location.pathname.split("/").at(-1));
const NEW_FOR_MS = 12_000;

function useKitchen() {
  const [shop, setShop] = useState(null);
  const [orders, setOrders] = useState(new Map());
  const [looked, setLooked] = useState(false);
  const [state, setState] = useState("connecting");
  useEffect(() => {
    const stream = new LiveStream({
      url: `/v1/merchants/${encodeURIComponent(merchantId)}/live`,
      token: token(),
      onState: setState,
      onEvent: (told) => {
        if (told.event === "shop") {
          clock.set(told.data.server_time, told.data.clock_speed);
          setShop(told.data);
        } else {
          setOrders((known) => withEvent(known, told));
          setLooked(true);
        }
        return true;
      },
    });
    return () => stream.close();
  }, []);
  const onOrder = (order) => setOrders((known) => withOrder(known, order));
  const onShop = (answer) => setShop((known) => (known.version > answer.version ? known : { ...known, ...answer }));
  return { shop, orders, looked, state, onOrder, onShop };
}

// Rings for orders that have not been here before, and marks them for a while; the first look is not news.
function useNews(orders, loaded) {
  const seen = useRef(null);
  const [fresh, setFresh] = useState(new Set());
  useEffect(() => {
    if (!loaded) return;
    const news = newOnes(orders, seen.current ?? new Set()).map((order) => order.order_id);
    const first = seen.current === null;
    seen.current = new Set([...(seen.current ?? []), ...news]);
    if (first || news.length === 0) return;
    ring();
    setFresh((known) => new Set([...known, ...news]));
    const forget = () => setFresh((known) => new Set([...known].filter((id) => !news.includes(id))));
    setTimeout(forget, NEW_FOR_MS);
  }, [orders, loaded]);
  return fresh;
}

function Sound() {
  const [on, setOn] = useState(soundWanted());
  const turn = () => {
    setSound(!on);
    setOn(!on);
  };
  return html`<button type="button" class="icon-button sound" aria-pressed=${on ? "true" : "false"} onClick=${turn}>
    <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
      <path d="M3 7.5v5h3l4.5 3.5V4L6 7.5Z" />
      ${on ? html`<path d="M13.5 7a4.2 4.2 0 0 1 0 6M15.8 4.8a7.3 7.3 0 0 1 0 10.4" />` : html`<path d="m14 8 4 4m0-4-4 4" />`}
    </svg>
    <span>${t(on ? "kitchen.sound.on" : "kitchen.sound.off")}</span>
  </button>`;
}

function Counts({ found, late }) {
  return html`<ul class="counts">
    ${LANES.map(
      (lane) => html`<li key=${lane} data-lane=${lane}>
        <a href=${`#lane-${lane}`}><strong class="number">${number(found[lane].length)}</strong> ${t(`kitchen.lane.${lane}`)}</a>
      </li>`,
    )}
    ${late > 0 && html`<li class="late"><strong class="number">${number(late)}</strong> ${t("kitchen.late")}</li>`}
  </ul>`;
}

function Lane({ lane, orders, fresh, shop, onOrder }) {
  return html`<section class="lane" id=${`lane-${lane}`} data-lane=${lane} tabindex="-1" aria-labelledby=${`title-${lane}`}>
    <h2 id=${`title-${lane}`}>${t(`kitchen.lane.${lane}`)} <span class="count number">${number(orders.length)}</span></h2>
    ${orders.length === 0 && html`<p class="none">${t(`kitchen.none.${lane}`)}</p>`}
    ${orders.map(
      (order) => html`<${Card}
        key=${`${order.order_id}-${order.state}`}
        order=${order}
        now=${clock.now()}
        usual=${shop.preparation_minutes}
        isNew=${fresh.has(order.order_id)}
        onDone=${onOrder}
      />`,
    )}
  </section>`;
}

function Kitchen() {
  const { shop, orders, looked, state, onOrder, onShop } = useKitchen();
  const [, renew] = useState(0);
  const fresh = useNews(orders, looked);
  useTick(1000);
  const found = lanes(orders);
  const waiting = found.answer.length;
  useEffect(() => {
    document.title = `${waiting > 0 ? `(${number(waiting)}) ` : ""}${shop ? shop.name : t("kitchen.title")} · Doorstep`;
  });
  return html`
    <a class="skip-link" href="#queue">${t("common.skip")}</a>
    <header class="top">
      <${Brand} title=${shop?.name} />
      <div class="tools">
        <${Freshness} state=${state} />
        <${Sound} />
        <${ThemeSwitch} />
        <${LanguageSwitch} onChange=${() => renew((count) => count + 1)} />
      </div>
    </header>
    <p class="visually-hidden" aria-live="assertive">
      ${[...fresh].map((id) => t("kitchen.new", { id: `#${shortId(id)}` })).join(" ")}
    </p>
    <main id="queue" tabindex="-1">
      <h1 class="visually-hidden">${t("kitchen.title")}</h1>
      <${StaleBanner} state=${state} />
      ${shop
        ? html`<${Taking} shop=${shop} now=${clock.now()} onDone=${onShop} />
            <${Counts} found=${found} late=${lateCount(orders, clock.now())} />
            <div class="lanes">
              ${LANES.map(
                (lane) => html`<${Lane}
                  key=${lane}
                  lane=${lane}
                  orders=${found[lane]}
                  fresh=${fresh}
                  shop=${shop}
                  onOrder=${onOrder}
                />`,
              )}
            </div>
            <${Stock} shop=${shop} onDone=${onShop} />`
        : state === "connecting" && html`<p class="none">${t("live.connecting")}</p>`}
    </main>
  `;
}

applyTheme(null);
await startLanguage();
render(html`<${Kitchen} />`, document.getElementById("page"));
