"""
Words of the trade: how partners spell what a catalogue calls `sku`, `quantity`, `barcode`.

Data, and nothing else: `names` reads it.
"""

SPELLINGS: dict[str, str] = {
    # what records are called, and where
    "product": "products produkt produkte article articles artikel item items prod goods material артикул товар товары товари",
    "sku": "skus variant variants variante varianten",
    "brand": "brands marke marken manufacturer manufacturers maker hersteller vendor бренд производитель виробник",
    "category": "categories kategorie kategorien warengruppe warengruppen cat cats rubric категория категорія",
    "attribute": "attributes attr attrs attribut feature features property properties merkmal merkmale",
    "price": "prices preis preise pricelist preisliste цена ціна",
    "stock": "stocks inventory inventories bestand bestaende lagerbestand onhand остаток остатки залишок",
    "warehouse": "warehouses lagerort lager depot склад",
    "shop": "shops channel channels storefront mandant",
    "association": "associations accessory accessories related crosssell crosssells upsell relation relations links",
    "customer": "customers client clients kunde kunden buyer buyers клиент клієнт",
    "address": "addresses adresse adressen",
    "order": "orders bestellung bestellungen auftrag auftraege заказ замовлення",
    "supplier": "suppliers lieferant lieferanten",
    "promotion": "promotions promo promos aktion aktionen",
    "coupon": "coupons voucher vouchers gutschein gutscheine",
    "carrier": "carriers courier couriers spediteur versender",
    "service": "services",
    "country": "countries land laender страна країна",
    "state": "states bundesland region regions province provinces",
    "tax": "taxes steuer steuern mwst",
    "delivery": "deliveries shipment shipments lieferung lieferungen",
    # identifiers
    "guid": "guids uuid uid",
    "id": "ids ident identifier",
    "code": "codes kennung kuerzel код",
    "number": "numbers no nr num nummer nummern номер",
    "key": "keys schluessel",
    "barcode": "barcodes ean ean13 upc gtin strichcode штрихкод",
    "model": "models modell",
    # what is said of them
    "name": "names bezeichnung benennung designation название наименование назва найменування",
    "title": "titles titel headline",
    "label": "labels",
    "description": "descriptions desc descr beschreibung text longtext описание опис",
    "keyword": "keywords stichwort stichworte suchbegriffe",
    "tag": "tags",
    "value": "values wert werte",
    "display": "displayed anzeige",
    "type": "types kind kinds art typ",
    "group": "groups gruppe gruppen",
    "unit": "units einheit",
    "view": "views",
    "parent": "parents eltern",
    "rank": "ranks sort sorting sortorder sequence seq position pos reihenfolge",
    "mandatory": "required pflicht obligatory",
    "filter": "filters filterable navigable navigatable nav navigation",
    "searchable": "search searchfield",
    "range": "ranges",
    "active": "aktiv enabled visible published online",
    "featured": "highlight",
    "picture": "pictures image images img photo photos foto bild bilder фото картинка",
    "uri": "slug permalink",
    "url": "link href website",
    "availability": "available verfuegbarkeit",
    # counts and money
    "quantity": "quantities qty menge anzahl pieces pcs stueck количество кількість",
    "currency": "currencies waehrung curr ccy валюта",
    "list": "uvp rrp msrp listenpreis regular",
    "sale": "special offer angebot",
    "cost": "costs einkaufspreis ek",
    "tier": "tiers staffel minqty",
    "rate": "rates satz",
    "amount": "betrag",
    "weight": "gewicht вес вага",
    "width": "breite",
    "height": "hoehe",
    "length": "laenge",
    # times and people
    "date": "datum day дата",
    "release": "released erscheinung",
    "language": "lang locale sprache",
    "email": "mail emailaddress",
    "phone": "telephone tel telefon mobile",
    "postcode": "zip zipcode plz postal postalcode",
    "city": "town ort stadt",
    "first": "vor given forename",
    "last": "nach surname family",
    "company": "firma organisation organization",
    "line": "lines zeile row",
}
"""Our word -> other spellings of it, plurals and a few languages."""

LANGUAGES = frozenset(
    [
        "ar",
        "be",
        "bg",
        "bs",
        "ca",
        "cs",
        "da",
        "de",
        "el",
        "en",
        "es",
        "et",
        "fi",
        "fr",
        "ga",
        "he",
        "hi",
        "hr",
        "hu",
        "is",
        "it",
        "ja",
        "ka",
        "kk",
        "ko",
        "lt",
        "lv",
        "mk",
        "mt",
        "nb",
        "nl",
        "nn",
        "no",
        "pl",
        "pt",
        "ro",
        "ru",
        "sk",
        "sl",
        "sq",
        "sr",
        "sv",
        "th",
        "tr",
        "uk",
        "vi",
        "zh",
    ]
)
"""ISO 639-1 codes that headers name languages by."""

ALSO_WORDS = frozenset({"is", "it", "no", "he", "be", "el", "hi", "ca", "ar"})
"""Language codes that mean a language only where other languages stand beside them."""

IDENTIFIERS = frozenset({"guid", "id", "code", "number", "key"})
"""Words that make a name an identifier: of `product code` it is the product's."""

NUMBERED = frozenset(
    [
        "barcode",
        "model",
        "postcode",
        "phone",
        "email",
        "iban",
        "bic",
        "vat",
        "serial",
        "version",
        "account",
        "fax",
        "isbn",
        "reference",
        "url",
        "uri",
    ]
)
"""Things that are written in digits at times, and are no numbers: nobody adds them up."""

DIMENSIONS = frozenset(
    [
        "currency",
        "tier",
        "language",
        "unit",
        "date",
        "from",
        "valid",
        "start",
        "year",
        "month",
        "week",
        "size",
        "colour",
        "color",
        "kind",
        "type",
        "shop",
        "warehouse",
        "country",
        "state",
        "customer",
        "supplier",
        "line",
        "rank",
        "group",
    ]
)
"""Words for what tells records of one thing apart: a price for each currency."""

FLAGS = frozenset(
    [
        "active",
        "featured",
        "mandatory",
        "filter",
        "searchable",
        "is",
        "has",
        "enabled",
        "visible",
        "default",
        "deleted",
        "digital",
        "shippable",
        "newsletter",
        "taxable",
        "virtual",
        "online",
        "new",
        "eu",
        "preferred",
        "included",
        "required",
        "allow",
        "show",
        "flag",
    ]
)
"""Words for what is so or not so: there 1 and 0 mean yes and no."""

NOISE = frozenset(
    [
        "name",
        "data",
        "list",
        "export",
        "import",
        "file",
        "full",
        "delta",
        "all",
        "catalog",
        "catalogue",
        "feed",
        "master",
        "dump",
        "update",
        "new",
        "table",
        "report",
        "output",
        "extract",
        "csv",
        "xml",
        "json",
        "xlsx",
        "txt",
        "tsv",
        "the",
        "of",
        "and",
        "for",
        "to",
        "by",
        "in",
        "on",
    ]
)
"""Words of a file name that do not say what is in it."""

SMALL = frozenset(
    ["the", "of", "and", "for", "to", "by", "in", "on", "a", "an", "der", "die", "das"]
)
"""Words of a column's name that say nothing."""
