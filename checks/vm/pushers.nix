# What the clan of the scenarios has in addition where two of its machines push automatically.
{
  interval = "2s";
  pushers = {
    server = { };
    third = { };
  };
}
