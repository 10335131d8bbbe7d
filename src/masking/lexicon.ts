/** Words that announce what is no identifier of a state, in the languages in which it is asked for most; parted by `|`, in lower case. */
export const lexicon: Readonly<Record<string, string>> = {
  COORDINATES:
    'lat|latitude|lng|lon|long|longitude|gps|coordinates|coords|coordinate|koordinaten|coordonnees|coordenadas|coordinate gps|wspolrzedne|координаты|geo|geolocation|location|坐标|located at|position|point',
  ADDRESS: 'wallet|btc|bitcoin|eth|ethereum|crypto|address|send to|usdt|litecoin|ltc|deposit address|payout address',
  IP: 'ip|ips|ip address|ipv4|host|hostname|server|dns|resolver|nameserver|gateway|router|ping|from|address|addr|src|dst|source|destination|client|remote|peer|endpoint|proxy|subnet|network|netmask|via|lease|bind|listen|listening|interface|inet|block|allow|deny|adresse|direccion|indirizzo|адрес|地址|アドレス|주소',
  PHONE:
    'tel|telefon|telefono|telephone|phone|phone number|phonenumber|mobile|mobil|cell|cellphone|handy|handynummer|fax|call|call me|dial|text me|sms|whatsapp|hotline|' +
    'contact|my number|contact number|contact no|reach me at|rufnummer|telefonnummer|mobilnummer|mobiltelefon|anrufen|ruf an|numero de telephone|portable|appelez|joindre|joignable|' +
    'movil|celular|llamar|llame|llamame|numero de telefono|cellulare|chiamare|chiamami|recapito|telefone|telemovel|ligue|ligar|zadzwon|komorka|komorkowy|numer telefonu|' +
    'numer komorkowy|mobilnummer|mobil|tlf|tlf nr|cep|cep telefonu|telefon numarasi|telefonni cislo|telefonszam|nomor telepon|no hp|so dien thoai|τηλεφωνο|κινητο|' +
    'telefoon|telefoonnummer|mobiel|bel|ring|whats app|telegram|viber|signal|телефон|тел|моб|мобильный|номер телефона|позвоните|звоните|звонить|' +
    '电话|手机|手机号|联系电话|电话号码|電話|電話番号|携帯|携帯電話|전화|전화번호|휴대폰|연락처|फोन|मोबाइल|नंबर|هاتف|جوال|رقم الهاتف|موبايل|טלפון|נייד',
  VERSION:
    'version|versions|ver|v|build|release|bump to|bumped to|upgrade to|upgraded to|update to|updated to|downgrade to|upgrade|tag|numpy|pip|npm|chrome|kernel|firmware|revision|driver|section|chapter|clause|versao|wersja|versie|версия|версии|版本|バージョン|버전',
  CARD:
    'card|credit card|creditcard|debit card|card number|card no|cc|ccnum|cc number|visa|mastercard|amex|american express|discover|maestro|pan|kreditkarte|kreditkartennummer|' +
    'kartennummer|carte|carte bancaire|carte bleue|numero de carte|tarjeta|tarjeta de credito|carta|carta di credito|cartao|cartao de credito|karta|numer karty|karty|' +
    'creditcardnummer|карта|карты|номер карты|信用卡|卡号|银行卡|クレジットカード|カード番号|카드번호|카드|बैंक कार्ड|بطاقة',
  VIN: 'vin|vehicle identification|chassis|chassis number|fahrgestellnummer|fin|numero de chasis|telaio|numero di telaio|numer vin|vehicle',
  PASSPORT:
    'passport|passport number|passport no|passport nr|passports|passeport|pasaporte|passaporto|passaporte|reisepass|reisepassnummer|passnummer|pass nr|paszport|paszportu|paspoort|' +
    'paspoortnummer|numer paszportu|паспорт|паспорта|загранпаспорт|护照|护照号|パスポート|旅券|여권|여권번호|पासपोर्ट|جواز السفر|personalausweis|ausweisnummer|ausweis|identity card|carte d identite|carta d identita|dowod osobisty|dowodu osobistego',
  DRIVER_LICENSE:
    'driver s licence|driver s licence number|licence no|license no|driver license|drivers license|driver s license|driving license|driving licence|drivers licence|driver licence|license number|licence number|dl|dl number|dl no|dln|' +
    'fuhrerschein|fuhrerscheinnummer|permis de conduire|permis|licencia de conducir|carnet de conducir|permiso de conducir|patente|patente di guida|prawo jazdy|rijbewijs|' +
    'carteira de motorista|cnh|carta de conducao|водительское удостоверение|водительские права|驾驶证|驾照|運転免許|운전면허',
  DATE_OF_BIRTH:
    'dob|d o b|ne e le|nato a il|nato a|nata a|nacido a el|nasc|dt nasc|fec nac|f nac|ddn|geb dat|gebdat|d ur|ur dn|fodelsedatum|fodt|fodselsdato|fodd|syntymaaika|syntynyt|dogum tarihi|datum narozeni|narozen|szuletesi datum|szuletett|data nasterii|nascut|tanggal lahir|ngay sinh|ημερομηνια γεννησης|дата народження|date of birth|birth date|birthdate|birthday|born|born on|dateofbirth|bday|geburtsdatum|geboren|geb|geb am|geburtstag|date de naissance|ne le|nee le|naissance|' +
    'fecha de nacimiento|nacido|nacida|nacio|nacimiento|data di nascita|nato|nata|nato il|nata il|nascita|data de nascimento|nascido|nascida|nasceu|data urodzenia|ur|urodzony|urodzona|' +
    'geboortedatum|geboren op|дата рождения|родился|родилась|рождения|出生日期|出生|生年月日|誕生日|생년월일|생일|जन्म तिथि|जन्मतिथि|تاريخ الميلاد',
  OTHER:
    'values|badge|badge number|salary|extension|zip|zip code|postcode|postal code|plz|order|order number|order no|orders|order id|po|purchase order|invoice|invoice number|inv|ticket|case|tracking|tracking number|shipment|parcel|version|build|commit|serial|serial number|sku|' +
    'isbn|issn|ean|upc|gtin|item|item number|product|article|part|part number|model|reference|reference number|ref|ref no|transaction|transaction id|txn|trx|request|request id|trace|span|session|' +
    'event|event id|batch|lot|issue|pr|revision|port|pid|process|thread|line|page|offset|bytes|size|timestamp|time|epoch|ms|seq|sequence|hash|checksum|job|job id|task|run|record|row|count|total|' +
    'amount|price|qty|quantity|usd|eur|gbp|pln|inr|brl|score|duration|length|seed|nonce|bestellung|bestellnummer|auftrag|auftragsnummer|rechnung|rechnungsnummer|sendungsnummer|artikelnummer|seriennummer|vorgang|' +
    'commande|facture|numero de commande|numero de facture|colis|pedido|factura|numero de pedido|envio|ordine|fattura|numero ordine|spedizione|pedido numero|fatura|nota fiscal|rastreamento|zamowienie|zamowienia|faktura|' +
    'numer zamowienia|przesylka|przesylki|bestelling|factuur|zending|заказ|заказа|счет|накладная|订单|订单号|发票|快递|流水号|編号|注文番号|注文|訂單|订单编号|编号|單號|单号|請求書|주문|주문번호|송장|ऑर्डर|طلب|فاتورة|' +
    'meeting|meeting id|room|code|seat|account|acct|account number|customer|customer number|kundennummer|client|member|membership|employee|policy|policy number|claim|flight|booking|reservation|confirmation|confirmation number|pnr|barcode',
}
