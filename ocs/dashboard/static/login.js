// The page that was asked for is shown after the token.

const query = new URLSearchParams(location.search);
document.querySelector('[name="next"]').value = query.get("next") ?? "/";
const [navigation] = performance.getEntriesByType("navigation");
document.getElementById("refused").hidden = navigation?.responseStatus !== 401;
